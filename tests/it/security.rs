//! Who gets in, what pages and files may do, and what leaves the folder: nothing.

use std::{fs, os::unix::fs::symlink};

use crate::harness::{
    House, HouseOptions, TOKEN,
    http::{Answer, bearer, get, request, upgrade},
};

const FILES: [(&str, &str); 5] = [
    ("intro.md", "# Lab"),
    ("page.html", "<script>top.document</script>"),
    (
        "images/drawing.svg",
        "<svg xmlns='http://www.w3.org/2000/svg'/>",
    ),
    (".env", "a secret"),
    (".git/config", "a secret"),
];

fn house() -> House {
    House::with_files(&FILES, HouseOptions::default())
}

fn house_at(base_path: &str) -> House {
    let options = HouseOptions {
        base_path: base_path.to_owned(),
        ..HouseOptions::default()
    };
    House::with_files(&FILES, options)
}

/// The cookie of this house, as a browser sends it back.
async fn cookie(house: &House) -> String {
    let path = format!("{}?token={TOKEN}", house.base_path);
    let answer = request(house.address, "GET", &path, &[]).await;
    let cookie = answer.header("set-cookie").expect("a cookie");
    cookie.split(';').next().unwrap().to_owned()
}

/// Checks the headers that every answer has.
fn check_headers(what: &str, answer: &Answer) {
    let header = |name| answer.header(name).unwrap_or_default();
    assert_eq!(header("x-content-type-options"), "nosniff", "{what}");
    assert_eq!(header("referrer-policy"), "no-referrer", "{what}");
    assert_eq!(
        header("cross-origin-opener-policy"),
        "same-origin",
        "{what}"
    );
    assert_eq!(
        header("cross-origin-resource-policy"),
        "same-origin",
        "{what}"
    );
    let policy = header("content-security-policy");
    assert!(policy.contains("default-src 'none'"), "{what}: {policy}");
    let scripts = policy.split(';').find(|part| part.contains("script-src"));
    let loose = scripts.is_some_and(|scripts| scripts.contains("unsafe"));
    assert!(!loose, "{what}: {policy}");
}

#[tokio::test(flavor = "multi_thread")]
async fn visitor_without_the_token_stays_out() {
    let house = house();
    for path in ["/", "/labs/lab/", "/labs/lab/files/page.html", "/nowhere"] {
        for headers in [
            &[][..],
            &[("authorization", "Bearer wrong")],
            &[("cookie", "katahost=x")],
        ] {
            let answer = request(house.address, "GET", path, headers).await;
            assert_eq!(answer.status, 401, "{path} {headers:?}");
            assert!(answer.text().contains("A token is needed"), "{path}");
            assert!(!answer.text().contains("top.document"), "{path}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_token_in_the_address_stays_out() {
    let house = house();
    let answer = request(house.address, "GET", "/?token=wrong", &[]).await;
    assert_eq!((answer.status, answer.header("set-cookie")), (401, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn token_in_the_address_becomes_a_cookie_and_leaves_the_address() {
    let house = house();
    let path = format!("/labs/lab/?step=step2&token={TOKEN}");
    let answer = request(house.address, "GET", &path, &[]).await;
    assert_eq!(answer.status, 303);
    assert_eq!(answer.header("location"), Some("/labs/lab/?step=step2"));
    let cookie = answer.header("set-cookie").unwrap();
    for attribute in ["; HttpOnly", "; SameSite=Lax", "; Path=/"] {
        assert!(cookie.contains(attribute), "{cookie}");
    }
    let pair = cookie.split(';').next().unwrap();
    let answer = request(house.address, "GET", "/labs/lab/", &[("cookie", pair)]).await;
    assert_eq!(answer.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn cookie_of_another_port_or_base_path_is_refused() {
    let (one, other) = (house_at("/x/"), house_at("/x/"));
    let elsewhere = house_at("/y/");
    let own = cookie(&one).await;
    let check = async |cookie: &str| {
        request(one.address, "GET", "/x/labs/lab/", &[("cookie", cookie)])
            .await
            .status
    };
    assert_eq!(check(&own).await, 200);
    assert_eq!(check(&cookie(&other).await).await, 401);
    let port = format!("katahost_{}_", one.address.port());
    let foreign = cookie(&elsewhere).await;
    let (_, path) = foreign.rsplit_once('_').unwrap();
    assert_eq!(check(&format!("{port}{path}")).await, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn foreign_host_is_refused_before_anything_else() {
    let house = house();
    let (name, token) = bearer();
    for host in [
        "evil.example",
        "127.0.0.1.evil.example",
        "",
        "localhost.evil:80",
    ] {
        let headers = [("host", host), (name, token.as_str())];
        for path in ["/", "/labs/lab/files/page.html", "/assets/x.js"] {
            let answer = request(house.address, "GET", path, &headers).await;
            assert_eq!(answer.status, 421, "{host} {path}");
            check_headers(path, &answer);
        }
        assert_eq!(upgrade(&house, &headers).await.status, 421, "{host}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn socket_opens_for_this_origin_and_for_programs_only() {
    let house = house();
    let cookie = cookie(&house).await;
    let own = format!("http://{}", house.address);
    let protocol = ("sec-websocket-protocol", "katahost.v1");
    let (name, token) = bearer();
    let check = async |headers: &[(&str, &str)]| {
        let headers = [headers, &[protocol]].concat();
        upgrade(&house, &headers).await.status
    };
    let browser = ("cookie", cookie.as_str());
    let program = (name, token.as_str());
    assert_eq!(check(&[browser, ("origin", &own)]).await, 101);
    let same = ("sec-fetch-site", "same-origin");
    assert_eq!(check(&[browser, ("origin", &own), same]).await, 101);
    assert_eq!(check(&[program]).await, 101);
    assert_eq!(check(&[("origin", &own)]).await, 401);
    assert_eq!(check(&[browser]).await, 403, "a cookie without an origin");
    for origin in [
        "http://evil.example",
        "null",
        "http://127.0.0.1:1",
        "file://",
    ] {
        let foreign = ("origin", origin);
        assert_eq!(check(&[browser, foreign]).await, 403, "{origin}");
        assert_eq!(check(&[program, foreign]).await, 403, "{origin}");
    }
    for site in ["cross-site", "same-site", "none"] {
        let headers = [browser, ("origin", own.as_str()), ("sec-fetch-site", site)];
        assert_eq!(check(&headers).await, 403, "{site}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn socket_without_our_subprotocol_is_refused() {
    let house = house();
    let (name, token) = bearer();
    assert_eq!(upgrade(&house, &[(name, &token)]).await.status, 400);
    let other = ("sec-websocket-protocol", "chat, katahost.v0");
    let answer = upgrade(&house, &[(name, &token), other]).await;
    assert_eq!(answer.status, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn socket_of_an_unknown_lab_is_not_found() {
    let house = House::with_files(&[("lab2/intro.md", "# Two")], HouseOptions::default());
    let (name, token) = bearer();
    let protocol = ("sec-websocket-protocol", "katahost.v1");
    assert_eq!(
        upgrade(&house, &[(name, &token), protocol]).await.status,
        404
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn no_path_leads_out_of_the_folder() {
    let house = house();
    let outside = house.root.parent().unwrap().join("secret.txt");
    fs::write(&outside, "a secret").unwrap();
    symlink(&outside, house.root.join("link.txt")).unwrap();
    symlink(outside.parent().unwrap(), house.root.join("out")).unwrap();
    let absolute = outside.to_str().unwrap();
    let encoded = absolute.replace('/', "%2f");
    for path in [
        "../secret.txt",
        "%2e%2e%2fsecret.txt",
        "%2e%2e/secret.txt",
        "..%2fsecret.txt",
        "images/../../secret.txt",
        "images/%2e%2e/%2e%2e/secret.txt",
        "..\\secret.txt",
        "..%5csecret.txt",
        "images%5c..%5c..%5csecret.txt",
        "link.txt",
        "out/secret.txt",
        "page.html%00.png",
        "page.html/",
        "images",
        "images/",
        "",
        ".",
        "./.env",
        ".env",
        "%2eenv",
        ".git/config",
        "%2egit/config",
        "images/../.env",
        absolute,
        &encoded,
        &absolute.replacen('/', "//", 1),
    ] {
        let answer = get(&house, &format!("/labs/lab/files/{path}")).await;
        assert_eq!(answer.status, 404, "{path}");
        assert!(!answer.text().contains("a secret"), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn double_slashes_and_odd_lab_names_find_nothing() {
    let house = house();
    for path in [
        "//labs/lab/files/page.html",
        "/labs//lab/files/page.html",
        "/labs/../labs/lab/files/page.html",
        "/labs/%2e%2e/files/secret.txt",
        "/labs/./files/page.html",
        "/labs/lab/files//page.html",
    ] {
        let answer = get(&house, path).await;
        assert_eq!(answer.status, 404, "{path}");
        assert!(!answer.text().contains("top.document"), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_the_scenario_run_nothing() {
    let house = house();
    for (path, kind) in [
        ("page.html", "text/html"),
        ("images/drawing.svg", "image/svg+xml"),
    ] {
        let answer = get(&house, &format!("/labs/lab/files/{path}")).await;
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(answer.header("content-type"), Some(kind));
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.starts_with("sandbox;"), "{policy}");
        assert!(!policy.contains("allow-scripts"), "{policy}");
        assert!(!policy.contains("script-src"), "{policy}");
        check_headers(path, &answer);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_answer_has_the_security_headers() {
    let house = house();
    for (path, status) in [
        ("/", 303),
        ("/labs/lab", 308),
        ("/labs/lab/", 200),
        ("/labs/nosuch/", 404),
        ("/labs/nosuch/files/x", 404),
        ("/labs/lab/files/page.html", 200),
        ("/labs/lab/files/nosuch.png", 404),
        ("/assets/nosuch.js", 404),
        ("/nowhere", 404),
        ("/labs/lab/ws", 400),
        (&script(&house).await, 200),
    ] {
        let answer = get(&house, path).await;
        assert_eq!(answer.status, status, "{path}");
        check_headers(path, &answer);
    }
    let refused = request(house.address, "GET", "/", &[]).await;
    check_headers("refused", &refused);
    let (name, token) = bearer();
    let posted = request(house.address, "POST", "/labs/lab/", &[(name, &token)]).await;
    assert_eq!(posted.status, 405);
    check_headers("posted", &posted);
}

#[tokio::test(flavor = "multi_thread")]
async fn step_outside_the_folder_is_unknown() {
    let house = house();
    fs::write(house.root.parent().unwrap().join("x.md"), "# A secret").unwrap();
    let mut visitor = house.enter("lab").await;
    let absolute = house.root.parent().unwrap().join("x");
    for step in [
        "../x",
        "..%2fx",
        "images/../../x",
        absolute.to_str().unwrap(),
        ".git/x",
    ] {
        let refused = visitor.execute("katapod.loadPage", step.into()).await;
        match refused.unwrap_err() {
            katahost::client::ClientError::Refused(error) => {
                let code = serde_json::to_value(error.data.code).unwrap();
                assert_eq!(code, "unknown-step", "{step}");
            }
            other => panic!("{other}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn message_escapes_what_the_address_says() {
    let house = house();
    let answer = get(&house, "/labs/%3Cscript%3Ealert(1)%3C%2Fscript%3E/").await;
    assert_eq!(answer.status, 404);
    assert!(
        !answer.text().contains("<script>alert"),
        "{}",
        answer.text()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn base_path_holds_everything() {
    let house = house_at("/user/a@b.c/");
    let script = script(&house).await;
    assert!(script.starts_with("/user/a@b.c/assets/"), "{script}");
    for path in [
        "/user/a@b.c/labs/lab/",
        "/user/a@b.c/labs/lab/files/page.html",
        &script,
    ] {
        assert_eq!(get(&house, path).await.status, 200, "{path}");
    }
    let start = get(&house, "/user/a@b.c/").await;
    assert_eq!(start.header("location"), Some("/user/a@b.c/labs/lab/"));
    let bare = get(&house, "/user/a@b.c").await;
    assert_eq!(bare.header("location"), Some("/user/a@b.c/"));
    let inside = script.strip_prefix("/user/a@b.c").unwrap();
    for path in [
        "/",
        "/labs/lab/",
        "/labs/lab/files/page.html",
        inside,
        "/user/",
    ] {
        let answer = get(&house, path).await;
        assert_eq!(answer.status, 404, "{path}");
        assert!(!answer.text().contains("top.document"), "{path}");
    }
    let bare = get(&house, "/user/a@b.c").await;
    assert_eq!(bare.header("location"), Some("/user/a@b.c/"));
    let mut visitor = house.enter("lab").await;
    visitor
        .type_text(&visitor.lab.terminals[0].id.clone(), "echo in-$((1 + 1))\r")
        .await;
    visitor
        .until_text(&visitor.lab.terminals[0].id.clone(), "\rin-2")
        .await;
}

/// The address of the front end's script, as the lab's page names it.
async fn script(house: &House) -> String {
    let page = get(house, &format!("{}labs/lab/", house.base_path))
        .await
        .text();
    let (_, rest) = page
        .split_once("type=\"module\" src=\"../../")
        .expect("a script");
    let (name, _) = rest.split_once('"').unwrap();
    format!("{}{name}", house.base_path)
}

#[tokio::test(flavor = "multi_thread")]
async fn front_end_is_public_compressed_and_kept_for_ever() {
    let house = house();
    let script = script(&house).await;
    let plain = request(house.address, "GET", &script, &[]).await;
    assert_eq!(
        (plain.status, plain.header("content-encoding")),
        (200, None)
    );
    let caching = plain.header("cache-control").unwrap();
    assert!(caching.contains("immutable"), "{caching}");
    assert_eq!(plain.header("vary"), Some("accept-encoding"));
    let accepts = ("accept-encoding", "gzip, deflate, br");
    let brotli = request(house.address, "GET", &script, &[accepts]).await;
    assert_eq!(brotli.header("content-encoding"), Some("br"));
    assert!(brotli.body.len() < plain.body.len());
    let tag = brotli.header("etag").unwrap();
    let known = request(
        house.address,
        "GET",
        &script,
        &[accepts, ("if-none-match", tag)],
    )
    .await;
    assert_eq!((known.status, known.body.len()), (304, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn head_and_conditional_requests_carry_no_body() {
    let house = house();
    let (name, token) = bearer();
    for path in [
        "/labs/lab/",
        "/labs/lab/files/page.html",
        &script(&house).await,
    ] {
        let head = request(house.address, "HEAD", path, &[(name, &token)]).await;
        assert_eq!((head.status, head.body.len()), (200, 0), "{path}");
        let length: usize = head.header("content-length").unwrap().parse().unwrap();
        assert_eq!(length, get(&house, path).await.body.len(), "{path}");
        check_headers(path, &head);
    }
    let file = "/labs/lab/files/page.html";
    let date = get(&house, file)
        .await
        .header("last-modified")
        .unwrap()
        .to_owned();
    let headers = [(name, token.as_str()), ("if-modified-since", &date)];
    let known = request(house.address, "GET", file, &headers).await;
    assert_eq!((known.status, known.body.len()), (304, 0));
    check_headers(file, &known);
}
