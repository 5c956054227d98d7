//! The proof of `docs/protocol.md`: a client in another language, written from it alone.

use std::process::Command;

use crate::harness::{House, HouseOptions, TOKEN, program};

#[tokio::test(flavor = "multi_thread")]
async fn client_written_from_the_document_works() {
    let config = r#"{"layout": {"terminals": [{"id": "host"}, {"id": "api"}]}}"#;
    let files = [
        (".katapod_config.json", config),
        (
            "intro.md",
            "# Lab\n\n```\n### api\necho block-$((6 * 7))\n```\n",
        ),
    ];
    let options = HouseOptions {
        base_path: "/x/".to_owned(),
        ..HouseOptions::default()
    };
    let house = House::with_files(&files, options);
    let address = house.address.to_string();
    let client = move || {
        Command::new(program("other_client.py"))
            .args([&address, "/x/labs/lab/ws", TOKEN])
            .output()
    };
    let output = tokio::task::spawn_blocking(client).await.unwrap().unwrap();
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    let told = text(&output.stdout) + &text(&output.stderr);
    assert!(output.status.success(), "{told}");
    assert!(told.ends_with("all is as documented\n"), "{told}");
}
