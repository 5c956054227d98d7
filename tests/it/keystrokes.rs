//! What really reaches the terminals, byte for byte: every block of the edge cases, clicked twice,
//! against what the original typed.

use std::{collections::BTreeMap, path::Path};

use serde_json::Value;

use crate::harness::{House, HouseOptions, hex, program};

#[tokio::test(flavor = "multi_thread")]
async fn edge_cases_type_what_the_original_typed() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let golden = std::fs::read_to_string(fixtures.join("edge-cases.json")).unwrap();
    let golden: Value = serde_json::from_str(&golden).unwrap();
    let options = HouseOptions {
        shell: Some(program("recorder")),
        ..HouseOptions::default()
    };
    let house = House::open(&fixtures.join("edge-cases"), options);
    let mut visitor = house.enter("edge-cases").await;
    let mut expected: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    let mut expect = |typed: &Value| {
        for one in typed.as_array().into_iter().flatten() {
            let terminal = one["terminal"].as_str().unwrap().to_owned();
            let bytes = one["types"].as_str().unwrap().as_bytes();
            expected
                .entry(terminal)
                .or_default()
                .extend_from_slice(bytes);
        }
    };
    expect(&golden["steps"]["intro"]["on_load"]);
    let mut steps: Vec<(&String, &Value)> = golden["steps"].as_object().unwrap().iter().collect();
    // The lab begins there; coming back would load it once more.
    steps.sort_by_key(|(step, _)| *step != "intro");
    for (step, page) in steps {
        if step != "intro" {
            visitor.load(step).await;
            expect(&page["on_load"]);
        }
        for (index, block) in page["blocks"].as_array().unwrap().iter().enumerate() {
            for click in ["first_click", "second_click"] {
                let refused = visitor.run_block(step, index).await.is_err();
                let types_nothing = block[click].as_array().is_none_or(Vec::is_empty);
                assert_eq!(refused, types_nothing, "{click} of block {index} of {step}");
                expect(&block[click]);
            }
        }
    }
    for (terminal, bytes) in expected {
        let wanted = hex(&bytes);
        let number = visitor.number(&terminal);
        let recorded = |text: String| text.trim_start_matches("ready;").to_owned();
        visitor
            .until(&format!("all bytes in {terminal}"), |visitor| {
                visitor.text(number).len() >= "ready;".len() + wanted.len()
            })
            .await;
        assert_eq!(recorded(visitor.text(number)), wanted, "{terminal}");
    }
}
