//! Those who watch: how they come in, what they may do, and how they get the keyboard.

use katahost::{
    client::Address,
    command::{REGISTRY, Role},
    protocol::{
        audience::{self, LabLink},
        frame::input,
        server::close,
    },
};
use serde_json::{Value, json};

use crate::harness::{
    House, HouseOptions, TOKEN, Visitor,
    http::{self, request},
    wire::{Heard, Wire, call, refusal},
};

const FILES: [(&str, &str); 4] = [
    (
        ".katapod_config.json",
        r#"{"layout": {"terminals": [{"id": "host"}, {"id": "api"}]}}"#,
    ),
    (
        "intro.md",
        "# Lab\n\n```\necho first-$((1+1))\n```\n\n```\n### api\necho second-$((1+1))\n```\n\n\
         [Next](command:katapod.loadPage?step2) [Run](command:katapod.sendText?[{\"command\":\"ls\"}])\n",
    ),
    (
        "step2.md",
        "# Two\n\n[Back](command:katapod.loadPage?intro)\n",
    ),
    ("picture.svg", "<svg xmlns='http://www.w3.org/2000/svg'/>"),
];

fn house() -> House {
    House::with_files(&FILES, HouseOptions::default())
}

/// Makes a link as the driver.
async fn link(driver: &mut Visitor, role: &str) -> LabLink {
    let arguments = vec![json!({"role": role})];
    let executed = driver
        .client
        .execute("katahost.createLink", arguments, None);
    executed.await.unwrap().link.expect("a link")
}

fn token(link: &LabLink) -> String {
    let (_, token) = link.address.split_once("?token=").unwrap();
    token.to_owned()
}

/// Where the socket is that a link leads to.
fn socket(house: &House, link: &LabLink) -> Address {
    let (path, token) = link.address.split_once("?token=").unwrap();
    Address {
        url: format!("ws://{}{}{path}ws", house.address, house.base_path),
        token: Some(token.to_owned()),
        headers: Vec::new(),
    }
}

/// A driver, and somebody who came by a link with that role.
async fn driver_and(house: &House, role: &str) -> (Visitor, LabLink, Visitor) {
    let mut driver = house.enter("lab").await;
    let link = link(&mut driver, role).await;
    let guest = Visitor::connect(&socket(house, &link), None, None).await;
    (driver, link, guest.unwrap())
}

async fn execute(
    visitor: &mut Visitor,
    command: &str,
    arguments: Vec<Value>,
) -> Result<(), String> {
    let executed = visitor.client.execute(command, arguments, None).await;
    executed.map(drop).map_err(|error| error.to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn watch_link_in_a_browser_becomes_a_cookie_for_its_own_path() {
    let house = house();
    let mut driver = house.enter("lab").await;
    let link = link(&mut driver, "viewer").await;
    let get = async |path: &str, headers: &[(&str, &str)]| {
        request(house.address, "GET", path, headers).await
    };
    let answer = get(&format!("/{}", link.address), &[]).await;
    assert_eq!(
        (answer.status, answer.header("location")),
        (303, Some("/watch/lab/"))
    );
    let cookie = answer.header("set-cookie").unwrap();
    for attribute in ["; HttpOnly", "; SameSite=Lax", "; Path=/watch/lab/"] {
        assert!(cookie.contains(attribute), "{cookie}");
    }
    let pair = ("cookie", cookie.split(';').next().unwrap());
    assert_eq!(get("/watch/lab/", &[pair]).await.status, 200);
    let picture = get("/watch/lab/files/picture.svg", &[pair]).await;
    assert_eq!(picture.status, 200);
    // It opens nothing else.
    for path in [
        "/",
        "/labs/lab/",
        "/remote/lab/",
        "/watch/other/",
        "/qr.svg?text=a",
    ] {
        assert_eq!(get(path, &[pair]).await.status, 401, "{path}");
    }
    // Nor does another secret open this.
    for secret in ["wrong", TOKEN, ""] {
        let path = format!("/watch/lab/?token={secret}");
        let answer = get(&path, &[]).await;
        assert_eq!((answer.status, answer.header("set-cookie")), (401, None));
        assert!(answer.text().contains("This link is not valid"));
    }
    // Who leaves the secret away is told so, whether a lab runs there or not.
    for path in ["/watch/lab/", "/watch/other/"] {
        let answer = get(path, &[]).await;
        assert_eq!(answer.status, 401);
        assert!(answer.text().contains("or use the whole link"), "{path}");
    }
    let without_slash = link.address.replacen("lab/?", "lab?", 1);
    let answer = get(&format!("/{without_slash}"), &[]).await;
    let location = answer.header("location").unwrap();
    assert_eq!(
        (answer.status, location),
        (308, &*format!("/{}", link.address))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn browser_with_a_link_watches_only_from_our_own_page() {
    let house = house();
    let mut driver = house.enter("lab").await;
    let link = link(&mut driver, "viewer").await;
    let cookie = format!("katahost_{}_2f_link={}", house.address.port(), token(&link));
    let host = format!("http://{}", house.address);
    let check = async |origin: Option<&str>| {
        let mut headers = vec![
            ("cookie", &*cookie),
            ("sec-websocket-protocol", "katahost.v1"),
        ];
        headers.extend(origin.map(|origin| ("origin", origin)));
        http::upgrade_at(&house, "watch/lab/ws", &headers)
            .await
            .status
    };
    assert_eq!(check(Some(&host)).await, 101);
    assert_eq!(check(Some("http://evil.example")).await, 403);
    assert_eq!(check(None).await, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn viewer_sees_what_the_driver_does() {
    let house = house();
    let (mut driver, _, mut viewer) = driver_and(&house, "viewer").await;
    assert_eq!(viewer.lab.role, audience::Role::Viewer);
    assert!(viewer.lab.links.is_empty() && viewer.lab.audience.is_none());
    let clients = driver.until_notified("lab/clients").await;
    assert_eq!(clients, json!({"clients": 2, "viewers": 1}));
    let block = json!({"step": "intro", "block": 0});
    execute(&mut driver, "katahost.runBlock", vec![block])
        .await
        .unwrap();
    viewer.until_text("host", "first-2").await;
    assert_eq!(viewer.until_notified("block/state").await["runs"], 1);
    let place = json!({"step": "intro", "scroll": 2.5, "terminal": 1});
    let say = call(Value::Null, "lab/place", place.clone());
    driver
        .client
        .send_raw(say.to_string().into())
        .await
        .unwrap();
    assert_eq!(viewer.until_notified("lab/place").await, place);
    execute(&mut driver, "katapod.loadPage", vec![json!("step2")])
        .await
        .unwrap();
    assert_eq!(
        viewer.until_notified("page/show").await["page"]["step"],
        "step2"
    );
    let link = link(&mut driver, "viewer").await;
    let late = Visitor::connect(&socket(&house, &link), None, None).await;
    let place = late.unwrap().lab.place.unwrap();
    assert_eq!((place.scroll, place.terminal), (2.5, Some(1)));
}

/// What a client can say, and whether a viewer may.
fn everything() -> Vec<(&'static str, Value, bool)> {
    let mut all = vec![
        ("workspace/listCommands", Value::Null, true),
        ("page/read", json!({"step": "step2"}), true),
        ("page/read", json!({"step": "intro", "link": 0}), true),
        ("page/read", json!({"step": "intro", "link": 1}), false),
        ("lab/view", json!({"name": "Ada", "cramped": true}), true),
        ("terminal/ack", json!({"terminal": 0, "offset": 0}), true),
        (
            "terminal/resize",
            json!({"terminal": 0, "cols": 20, "rows": 5}),
            false,
        ),
        (
            "lab/place",
            json!({"step": "intro", "scroll": 0, "terminal": null}),
            false,
        ),
    ];
    all.extend(REGISTRY.iter().map(|command| {
        let shape = command
            .arguments
            .split_once(", or")
            .map_or(command.arguments, |(one, _)| one);
        let shape = shape.split_once(" or ").map_or(shape, |(one, _)| one);
        let arguments = serde_json::from_str(shape).unwrap_or_else(|_| json!([]));
        let params: Value = json!({"command": command.id, "arguments": arguments});
        (
            "workspace/executeCommand",
            params,
            command.role == Role::Viewer,
        )
    }));
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn viewer_is_refused_all_but_its_own_view() {
    let house = house();
    let mut driver = house.enter("lab").await;
    driver.until_text("host", "bash").await;
    let link = link(&mut driver, "viewer").await;
    let mut wire = Wire::enter(&socket(&house, &link), "a-viewer").await;
    for (id, (method, params, allowed)) in (1..).zip(everything()) {
        let answer = wire.ask(id, method, params.clone()).await;
        if allowed {
            assert!(
                answer.get("result").is_some(),
                "{method} {params}: {answer}"
            );
        } else {
            assert_eq!(refusal(&answer).0, "not-allowed", "{method} {params}");
        }
    }
    let typed = input(0, driver.generation(0), 0, b"echo viewer-typed\r");
    wire.say_bytes(typed).await;
    // What the server does next comes after that.
    wire.ask(999, "workspace/listCommands", Value::Null).await;
    driver
        .type_text("host", "stty size; echo done-$((1+1))\r")
        .await;
    driver.until_text("host", "done-2").await;
    let seen = driver.text(0);
    assert!(
        seen.contains("24 80") && !seen.contains("viewer-typed"),
        "{seen}"
    );
    let page = driver.lab.page.as_ref().unwrap();
    assert_eq!((&*page.step, page.blocks[0].state.runs), ("intro", 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn viewer_who_names_a_step_moves_nobody() {
    let house = house();
    let (mut driver, link, _first) = driver_and(&house, "viewer").await;
    let viewer = Visitor::connect(&socket(&house, &link), None, Some("step2")).await;
    let viewer = viewer.unwrap();
    assert_eq!(viewer.lab.page.as_ref().unwrap().step, "intro");
    let clients = driver.until_notified("lab/clients").await;
    assert!(clients["viewers"].as_u64() > Some(0));
    assert!(
        !driver
            .notifications
            .iter()
            .any(|(method, _)| method == "page/show")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn remote_goes_through_the_steps_and_runs_blocks() {
    let house = house();
    let (mut driver, _, mut remote) = driver_and(&house, "remote").await;
    execute(&mut remote, "katahost.runNextBlock", vec![])
        .await
        .unwrap();
    driver.until_text("host", "first-2").await;
    execute(&mut remote, "katahost.runNextBlock", vec![])
        .await
        .unwrap();
    driver.until_text("api", "second-2").await;
    let error = execute(&mut remote, "katahost.runNextBlock", vec![])
        .await
        .unwrap_err();
    assert!(
        error.contains("all blocks of this step were run"),
        "{error}"
    );
    execute(&mut remote, "katahost.nextStep", vec![])
        .await
        .unwrap();
    assert_eq!(
        driver.until_notified("page/show").await["page"]["step"],
        "step2"
    );
    execute(&mut remote, "katahost.previousStep", vec![])
        .await
        .unwrap();
    assert_eq!(
        driver.until_notified("page/show").await["page"]["step"],
        "intro"
    );
    execute(&mut remote, "workbench.action.terminal.clear", vec![])
        .await
        .unwrap();
    let block = json!({"step": "intro", "block": 0});
    execute(&mut remote, "katahost.runBlock", vec![block])
        .await
        .unwrap_err();
    execute(&mut remote, "katapod.loadPage", vec![json!("step2")])
        .await
        .unwrap_err();
}

#[tokio::test(flavor = "multi_thread")]
async fn keyboard_is_asked_for_granted_and_taken_back() {
    let house = house();
    let (mut driver, _, mut viewer) = driver_and(&house, "viewer").await;
    let name = call(
        Value::Null,
        "lab/view",
        json!({"name": "  Ada\u{202e}\n Lovelace "}),
    );
    viewer
        .client
        .send_raw(name.to_string().into())
        .await
        .unwrap();
    execute(&mut viewer, "katahost.askForKeyboard", vec![])
        .await
        .unwrap();
    let mut audience = driver.until_notified("lab/audience").await;
    while audience["people"][0]["asks"] != true {
        audience = driver.until_notified("lab/audience").await;
    }
    assert_eq!(audience["people"][0]["name"], "Ada Lovelace");
    let client = audience["people"][0]["client"].clone();
    assert_eq!(client, viewer.lab.client);

    let decline = vec![json!({"client": client})];
    execute(&mut driver, "katahost.declineKeyboard", decline.clone())
        .await
        .unwrap();
    let role = viewer.until_notified("lab/role").await;
    assert_eq!(role, json!({"role": "viewer", "declined": true}));

    execute(&mut driver, "katahost.grantKeyboard", decline)
        .await
        .unwrap();
    let role = viewer.until_notified("lab/role").await;
    assert_eq!(role, json!({"role": "guest", "declined": false}));
    viewer.type_text("host", "echo typed-$((1+1))\r").await;
    driver.until_text("host", "typed-2").await;
    // The keyboard is not the lab.
    execute(
        &mut viewer,
        "katahost.createLink",
        vec![json!({"role": "viewer"})],
    )
    .await
    .unwrap_err();
    viewer.client.resize(0, 20, 5).await.unwrap();

    execute(&mut driver, "katahost.takeKeyboard", vec![])
        .await
        .unwrap();
    viewer.type_text("host", "echo too-late\r").await;
    assert_eq!(viewer.until_notified("lab/role").await["role"], "viewer");
    driver
        .type_text("host", "stty size; echo done-$((1+1))\r")
        .await;
    driver.until_text("host", "done-2").await;
    let seen = driver.text(0);
    assert!(
        seen.contains("24 80") && !seen.contains("too-late"),
        "{seen}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn keyboard_waits_for_a_guest_who_lost_its_connection() {
    let house = house();
    let (mut driver, link, viewer) = driver_and(&house, "viewer").await;
    let client = vec![json!({"client": viewer.lab.client})];
    execute(&mut driver, "katahost.grantKeyboard", client)
        .await
        .unwrap();
    let (address, id) = (socket(&house, &link), viewer.id.clone());
    let both = json!({"clients": 2, "viewers": 1});
    while driver.until_notified("lab/clients").await != both {}
    drop(viewer);
    let gone = json!({"clients": 1, "viewers": 0});
    while driver.until_notified("lab/clients").await != gone {}
    let role = async |id: &str| {
        let visitor = Visitor::connect_as(&address, id, None, None).await;
        visitor.unwrap().lab.role
    };
    assert_eq!(role("somebody else").await, audience::Role::Viewer);
    assert_eq!(role(&id).await, audience::Role::Guest);
    execute(&mut driver, "katahost.takeKeyboard", vec![])
        .await
        .unwrap();
    assert_eq!(role(&id).await, audience::Role::Viewer);
}

#[tokio::test(flavor = "multi_thread")]
async fn keyboard_goes_from_one_viewer_to_the_next() {
    let house = house();
    let (mut driver, link, mut first) = driver_and(&house, "viewer").await;
    let mut second = Visitor::connect(&socket(&house, &link), None, None)
        .await
        .unwrap();
    for viewer in [&first, &second] {
        let client = vec![json!({"client": viewer.lab.client})];
        execute(&mut driver, "katahost.grantKeyboard", client)
            .await
            .unwrap();
    }
    assert_eq!(first.until_notified("lab/role").await["role"], "guest");
    assert_eq!(first.until_notified("lab/role").await["role"], "viewer");
    assert_eq!(second.until_notified("lab/role").await["role"], "guest");
    execute(&mut second, "katahost.returnKeyboard", vec![])
        .await
        .unwrap();
    assert_eq!(second.until_notified("lab/role").await["role"], "viewer");
    let nobody = vec![json!({"client": 999_999})];
    let error = execute(&mut driver, "katahost.grantKeyboard", nobody)
        .await
        .unwrap_err();
    assert!(error.contains("there is no viewer 999999"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn revoked_link_sends_away_who_came_by_it_and_nobody_else() {
    let house = house();
    let (mut driver, revoked, mut viewer) = driver_and(&house, "viewer").await;
    let kept = link(&mut driver, "viewer").await;
    let mut other = Visitor::connect(&socket(&house, &kept), None, None)
        .await
        .unwrap();
    let id = vec![json!({"link": revoked.id})];
    execute(&mut driver, "katahost.revokeLink", id.clone())
        .await
        .unwrap();
    let mut end = None;
    while end.is_none() {
        end = viewer.step().await;
    }
    assert_eq!(end.unwrap().0, close::REVOKED);
    let path = format!("/{}", revoked.address);
    assert_eq!(request(house.address, "GET", &path, &[]).await.status, 401);
    let mut links = driver.until_notified("lab/links").await;
    while links["links"].as_array().unwrap().len() != 1 || links["links"][0]["id"] != *kept.id {
        links = driver.until_notified("lab/links").await;
    }
    driver.type_text("host", "echo still-$((1+1))\r").await;
    other.until_text("host", "still-2").await;
    let error = execute(&mut driver, "katahost.revokeLink", id)
        .await
        .unwrap_err();
    assert!(error.contains("there is no link"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn link_outlives_a_start_over_and_ends_with_the_lab() {
    let house = house();
    let (mut driver, link, mut viewer) = driver_and(&house, "viewer").await;
    execute(&mut driver, "katapod.start", vec![]).await.unwrap();
    assert_eq!(viewer.until_notified("lab/state").await["role"], "viewer");
    Visitor::connect(&socket(&house, &link), None, None)
        .await
        .unwrap();
    let mut wire = Wire::enter(&socket(&house, &link), "a-viewer").await;
    house.close().await;
    assert_eq!(wire.ending().await, close::SERVER_STOPS);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_who_come_and_go_at_once_are_counted() {
    let house = house();
    let (mut driver, link, _) = driver_and(&house, "viewer").await;
    let address = socket(&house, &link);
    let coming = (0..200).map(|_| Visitor::connect(&address, None, None));
    let crowd: Vec<_> = futures_util::future::join_all(coming).await;
    assert!(crowd.iter().all(Result::is_ok));
    let all = json!({"clients": 201, "viewers": 200});
    while driver.until_notified("lab/clients").await != all {}
    drop(crowd);
    let alone = json!({"clients": 1, "viewers": 0});
    while driver.until_notified("lab/clients").await != alone {}
    let told = driver
        .notifications
        .iter()
        .filter(|(method, _)| method == "lab/clients");
    assert!(told.count() < 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn qr_code_is_drawn_for_the_driver() {
    let house = house();
    let code = http::get(&house, "/qr.svg?text=http%3A%2F%2Flabs.example%2Fwatch").await;
    assert_eq!(
        (code.status, code.header("content-type")),
        (200, Some("image/svg+xml"))
    );
    assert!(code.text().contains("<svg"));
    let long = format!("/qr.svg?text={}", "a".repeat(600));
    assert_eq!(http::get(&house, &long).await.status, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_of_a_viewer_that_are_no_input_end_its_connection() {
    let house = house();
    let (_driver, link, _) = driver_and(&house, "viewer").await;
    let mut wire = Wire::enter(&socket(&house, &link), "a-viewer").await;
    wire.say_bytes(&b"nonsense"[..]).await;
    loop {
        if let Heard::Closed(code) = wire.hear().await {
            break assert_eq!(code, close::PROTOCOL_ERROR);
        }
    }
}
