//! Those who watch: how they come in, what they may do, and how they get the keyboard.

use katahost::{
    client::Address,
    command::{REGISTRY, Role, registry::Command},
    protocol::{
        audience::{self, LabLink},
        client::method,
        frame::{FrameKind, input},
        server::close,
    },
};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::harness::{
    DEADLINE, House, HouseOptions, TOKEN, Visitor,
    chance::Chance,
    eventually,
    http::{self, request},
    proxy::{Network, Proxy},
    wire::{Heard, Wire, call, initialize, refusal},
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
    assert_eq!(clients, json!({"clients": 2, "viewers": 1, "drivers": 1}));
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

/// What a client can say by a method, and the least that may say it.
fn examples(name: &str) -> Vec<(Value, Role)> {
    match name {
        // Said once already, and refused to everybody.
        method::INITIALIZE => vec![],
        method::LIST_COMMANDS => vec![(Value::Null, Role::Viewer)],
        method::READ_PAGE => vec![
            (json!({"step": "step2"}), Role::Viewer),
            (json!({"step": "intro", "link": 0}), Role::Viewer),
        ],
        method::VIEW => vec![(json!({"name": "Ada", "cramped": true}), Role::Viewer)],
        method::ACK => vec![(json!({"terminal": 0, "offset": 0}), Role::Viewer)],
        method::RESIZE => vec![(json!({"terminal": 0, "cols": 20, "rows": 5}), Role::Driver)],
        method::PLACE => {
            let place = json!({"step": "intro", "scroll": 0, "terminal": null});
            vec![(place, Role::Driver)]
        }
        method::EXECUTE_COMMAND => executions(),
        other => panic!("say here who may say `{other}`"),
    }
}

/// Each command, and the least that may execute it.
fn executions() -> Vec<(Value, Role)> {
    let mut commands: Vec<_> = REGISTRY.iter().collect();
    // A guest is none afterwards.
    commands.sort_by_key(|command| command.id == "katahost.returnKeyboard");
    let execution = |command: &Command| {
        let shape = command.arguments;
        let shape = shape.split_once(", or").map_or(shape, |(one, _)| one);
        let shape = shape.split_once(" or ").map_or(shape, |(one, _)| one);
        let arguments = serde_json::from_str(shape).unwrap_or_else(|_| json!([]));
        let params = json!({"command": command.id, "arguments": arguments});
        (params, least(command.id))
    };
    commands.into_iter().map(execution).collect()
}

/// The least that may execute a command. Said apart from the registry, so that nobody is allowed
/// more by mistake.
fn least(command: &str) -> Role {
    match command {
        "katahost.askForKeyboard"
        | "katahost.returnKeyboard"
        | "simpleBrowser.show"
        | "vscode.open"
        | "workbench.action.terminal.focus" => Role::Viewer,
        "katahost.nextStep"
        | "katahost.playRecording"
        | "katahost.previousStep"
        | "katahost.runNextBlock"
        | "workbench.action.terminal.clear" => Role::Remote,
        "katahost.createLink"
        | "katahost.declineKeyboard"
        | "katahost.grantKeyboard"
        | "katahost.revokeLink"
        | "katahost.takeKeyboard"
        | "katahost.trust"
        | "katapod.start" => Role::Driver,
        _ => Role::Guest,
    }
}

/// Has somebody with that role say all that a client can say, and checks what is refused.
async fn check_refusals(house: &House, driver: &mut Visitor, role: Role) {
    let way = if role == Role::Remote {
        "remote"
    } else {
        "viewer"
    };
    let link = link(driver, way).await;
    let mut wire = Wire::open(&socket(house, &link)).await;
    wire.say(&initialize(0, &format!("one-{role:?}"))).await;
    let client = wire.answer().await["result"]["client"].clone();
    if role == Role::Guest {
        let client = vec![json!({"client": client})];
        execute(driver, "katahost.grantKeyboard", client)
            .await
            .unwrap();
    }
    let again = wire.ask(1, "initialize", Value::Null).await;
    assert_eq!(refusal(&again).0, "not-initialized");
    for (number, name) in (2..).zip(method::ALL) {
        for (params, least) in examples(name) {
            let answer = wire.ask(number, name, params.clone()).await;
            let refused = answer["error"]["data"]["code"] == "not-allowed";
            let what = format!("{name} {params} of a {role:?}: {answer}");
            assert_eq!(refused, role < least, "{what}");
            let runs = *name == method::EXECUTE_COMMAND;
            assert!(refused || runs || answer["error"].is_null(), "{what}");
        }
    }
    // Frames that only the server sends mean nothing from a client.
    for kind in [
        FrameKind::Output,
        FrameKind::Snapshot,
        FrameKind::Resize,
        FrameKind::Preview,
    ] {
        let mut frame = input(
            0,
            driver.generation(0),
            0,
            b"\0\x14\0\x05echo frame-typed\r",
        )
        .to_vec();
        frame[0] = kind as u8;
        wire.say_bytes(frame).await;
    }
    let typed = input(0, driver.generation(0), 0, b"echo after-all-typed\r");
    if role < Role::Guest {
        wire.say_bytes(typed).await;
    }
    // What the server does next comes after that.
    let listed = wire.ask(999, method::LIST_COMMANDS, Value::Null).await;
    assert!(listed["result"].is_array(), "{listed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_role_is_refused_all_that_needs_more() {
    let house = house();
    let mut driver = house.enter("lab").await;
    driver.until_text("host", "bash").await;
    check_refusals(&house, &mut driver, Role::Viewer).await;
    let state = driver.client.execute("katapod.reloadPage", vec![], None);
    state.await.unwrap();
    let shown = driver.until_notified("page/show").await;
    let runs = &shown["page"]["blocks"][0]["state"]["runs"];
    assert_eq!((&shown["page"]["step"], runs), (&json!("intro"), &json!(0)));
    for role in [Role::Remote, Role::Guest] {
        check_refusals(&house, &mut driver, role).await;
    }
    // The guest has started it again.
    let again = |driver: &Visitor| driver.generation(0) == 2;
    driver.until("another shell", again).await;
    driver
        .type_text("host", "stty size; echo done-$((1+1))\r")
        .await;
    driver.until_text("host", "done-2").await;
    let seen = driver.text(0);
    assert!(seen.contains("24 80") && !seen.contains("-typed"), "{seen}");
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
    let both = json!({"clients": 2, "viewers": 1, "drivers": 1});
    while driver.until_notified("lab/clients").await != both {}
    drop(viewer);
    let gone = json!({"clients": 1, "viewers": 0, "drivers": 1});
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

/// Waits until the driver is told of so many clients, and of so many viewers and drivers of them.
async fn until_count(driver: &mut Visitor, clients: usize, viewers: usize, drivers: usize) {
    let count = json!({"clients": clients, "viewers": viewers, "drivers": drivers});
    while driver.until_notified("lab/clients").await != count {}
}

/// The code that a visitor's connection is closed with.
async fn ending(visitor: &mut Visitor) -> u16 {
    let ending = async {
        loop {
            if let Some((code, _)) = visitor.step().await {
                return code;
            }
        }
    };
    timeout(DEADLINE, ending).await.expect("an end")
}

/// A guest whose connection stands, and the way to it.
async fn guest(house: &House) -> (Visitor, Address, Visitor) {
    let (mut driver, link, guest) = driver_and(house, "viewer").await;
    until_count(&mut driver, 2, 1, 1).await;
    let client = vec![json!({"client": guest.lab.client})];
    execute(&mut driver, "katahost.grantKeyboard", client)
        .await
        .unwrap();
    (driver, socket(house, &link), guest)
}

#[tokio::test(flavor = "multi_thread")]
async fn guest_who_comes_back_before_its_connection_has_ended_keeps_the_keyboard() {
    let house = house();
    let (mut driver, address, mut old) = guest(&house).await;
    let name = call(Value::Null, "lab/view", json!({"name": "Ada"}));
    old.client.send_raw(name.to_string().into()).await.unwrap();
    let is_told = |audience: &Value, client: u64| {
        let person = &audience["people"][0];
        person["client"] == client && person["name"] == "Ada" && person["hasKeyboard"] == true
    };
    while !is_told(&driver.until_notified("lab/audience").await, old.lab.client) {}
    let new = Visitor::connect_as(&address, &old.id, None, None).await;
    let mut new = new.unwrap();
    assert_eq!(new.lab.role, audience::Role::Guest);
    assert_eq!((new.lab.clients.clients, new.lab.clients.viewers), (2, 1));
    while !is_told(&driver.until_notified("lab/audience").await, new.lab.client) {}
    assert_eq!(ending(&mut old).await, close::REPLACED);
    new.type_text("host", "echo typed-$((1+1))\r").await;
    driver.until_text("host", "typed-2").await;
    // The same name by another link is somebody else.
    let other = link(&mut driver, "viewer").await;
    let other = Visitor::connect_as(&socket(&house, &other), &old.id, None, None).await;
    assert_eq!(other.unwrap().lab.role, audience::Role::Viewer);
    new.type_text("host", "echo still-$((1+1))\r").await;
    driver.until_text("host", "still-2").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn guest_whose_network_fell_silent_keeps_the_keyboard() {
    let house = house();
    let (mut driver, link, first) = driver_and(&house, "viewer").await;
    let (direct, id) = (socket(&house, &link), first.id.clone());
    let proxy = Proxy::open(house.address, Network::default(), Chance::new(1)).await;
    let old = Visitor::connect_as(&proxy.way_to(&direct), &id, None, None).await;
    let old = old.unwrap();
    let client = vec![json!({"client": old.lab.client})];
    execute(&mut driver, "katahost.grantKeyboard", client)
        .await
        .unwrap();
    let open = house.sockets.len();
    proxy.stall(true);
    let new = Visitor::connect_as(&direct, &id, None, None).await;
    let mut new = new.unwrap();
    assert_eq!(new.lab.role, audience::Role::Guest);
    new.type_text("host", "echo typed-$((1+1))\r").await;
    driver.until_text("host", "typed-2").await;
    eventually("the old socket is given up", || house.sockets.len() <= open).await;
    drop(old);
}

#[tokio::test(flavor = "multi_thread")]
async fn guest_who_reads_nothing_types_nothing_once_the_keyboard_is_taken_back() {
    let house = house();
    let mut driver = house.enter("lab").await;
    driver.until_text("host", "bash").await;
    let link = link(&mut driver, "viewer").await;
    let mut deaf = Wire::open(&socket(&house, &link)).await;
    deaf.say(&initialize(1, "a-deaf-guest")).await;
    let welcome = deaf.answer().await;
    let client = vec![json!({"client": welcome["result"]["client"]})];
    execute(&mut driver, "katahost.grantKeyboard", client)
        .await
        .unwrap();
    until_count(&mut driver, 2, 1, 1).await;
    // Each of a driver's moves is told to all others. These are more than the network and the lab
    // keep for one of them, and not more than a driver may send.
    let step = "x".repeat(20_000);
    for number in 0..1_800 {
        let place = json!({"step": step, "scroll": number, "terminal": null});
        let here = call(Value::Null, "lab/place", place).to_string();
        driver.client.send_raw(here.into()).await.unwrap();
    }
    until_count(&mut driver, 1, 0, 1).await;
    execute(&mut driver, "katahost.takeKeyboard", vec![])
        .await
        .unwrap();
    let typed = input(0, driver.generation(0), 0, b"echo deaf-typed\r");
    deaf.say_bytes(typed).await;
    driver.type_text("host", "echo done-$((1+1))\r").await;
    driver.until_text("host", "done-2").await;
    // It is told why, if there is still room for that.
    let end = timeout(DEADLINE, deaf.ending()).await.expect("an end");
    assert!([close::TOO_SLOW, 1006].contains(&end), "{end}");
    driver.type_text("host", "echo over-$((1+1))\r").await;
    driver.until_text("host", "over-2").await;
    assert!(!driver.text(0).contains("deaf-typed"));
}

#[tokio::test(flavor = "multi_thread")]
async fn presenter_is_who_drives_and_watches() {
    let house = house();
    let (mut driver, _, mut viewer) = driver_and(&house, "viewer").await;
    let link = link(&mut driver, "remote").await;
    let remote = Visitor::connect(&socket(&house, &link), None, None).await;
    let mut program = katahost::client::Client::connect(&house.socket("lab"))
        .await
        .unwrap();
    let id = katahost::lab::store::random_name();
    let lab = program.initialize(&id, false, None, None).await.unwrap();
    assert_eq!((lab.clients.clients, lab.clients.drivers), (4, 1));
    drop(driver);
    until_count(&mut viewer, 3, 1, 0).await;
    drop((remote, program));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_viewers_execute_makes_the_lab_forget_nothing_of_a_driver() {
    let house = house();
    let (mut driver, _, mut viewer) = driver_and(&house, "viewer").await;
    let block = vec![json!({"step": "intro", "block": 0})];
    let id = Some("an-execution".to_owned());
    let mut run = async || {
        let run = driver
            .client
            .execute("katahost.runBlock", block.clone(), id.clone());
        run.await.unwrap().repeated
    };
    assert!(!run().await);
    for number in 0..600 {
        let id = Some(format!("a-viewers-{number}"));
        let address = vec![json!("https://example.com/")];
        let opened = viewer.client.execute("vscode.open", address, id);
        opened.await.unwrap();
    }
    assert!(run().await);
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
    assert_eq!(ending(&mut viewer).await, close::REVOKED);
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
    let all = json!({"clients": 201, "viewers": 200, "drivers": 1});
    while driver.until_notified("lab/clients").await != all {}
    drop(crowd);
    let alone = json!({"clients": 1, "viewers": 0, "drivers": 1});
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
