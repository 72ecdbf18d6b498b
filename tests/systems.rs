//! The table of systems in the documentation is what the program says of them.

use std::fmt::Write;
use std::path::Path;

use eddy::endpoint::Capabilities;
use eddy::endpoint::capabilities::{Acknowledgement, Facts};
use eddy::endpoint::open::systems;

const BEGIN: &str = "<!-- table: made from the program by tests/systems.rs; run `EDDY_UPDATE_GENERATED=1 cargo test --test systems` to renew it -->\n";
const END: &str = "<!-- end of table -->";

fn table() -> String {
    let all = systems();
    let mut text = String::from("| |");
    for system in &all {
        let _ = write!(text, " {} |", system.name);
    }
    text.push_str("\n|---|");
    text.push_str(&"---|".repeat(all.len()));
    text.push('\n');
    let mut row = |name: &str, cell: &dyn Fn(&Capabilities) -> String| {
        let _ = write!(text, "| {name} |");
        for system in &all {
            let _ = write!(text, " {} |", cell(system));
        }
        text.push('\n');
    };
    let yes = |flag: bool| if flag { "yes" } else { "–" }.to_owned();
    row("key", &|system| yes(system.keys));
    row("headers", &|system| yes(system.headers));
    row("repeated header names", &|system| yes(system.repeated_headers));
    row("order of headers", &|system| yes(system.header_order));
    row("binary header values", &|system| yes(system.binary_headers));
    row("null header values", &|system| yes(system.null_headers));
    row("null payload", &|system| yes(system.null_payload));
    row("facts of the sender", &|system| match system.facts {
        Facts::All => "all".to_owned(),
        Facts::Only([]) => "–".to_owned(),
        Facts::Only(names) => names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "),
    });
    row("time set by the sender", &|system| yes(system.timestamps));
    row("finest such time", &|system| match system.time_unit {
        _ if !system.timestamps => "–".to_owned(),
        1 => "1 µs".to_owned(),
        micros => format!("{} ms", micros / 1000),
    });
    row("partition chosen by the sender", &|system| yes(system.partitions));
    row("receipt per event", &|system| yes(system.acknowledgement == Acknowledgement::PerEvent));
    row("surest delivery", &|system| system.assurance.name().to_owned());
    row("reading from the past", &|system| yes(system.replayable));
    row("beginning at a time", &|system| yes(system.seek_time));
    row("largest payload by default", &|system| {
        system.max_payload.map_or_else(|| "–".to_owned(), |bytes| format!("{bytes} bytes"))
    });
    text
}

#[test]
fn the_documented_table_is_the_programs() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/systems.md");
    let text = std::fs::read_to_string(&path).expect("docs/systems.md");
    let (before, rest) = text.split_once(BEGIN).expect("the begin of the table");
    let (documented, after) = rest.split_once(END).expect("the end of the table");
    let made = table();
    if std::env::var_os("EDDY_UPDATE_GENERATED").is_some() {
        std::fs::write(&path, format!("{before}{BEGIN}{made}{END}{after}")).expect("written");
        return;
    }
    assert_eq!(documented, made, "renew it with EDDY_UPDATE_GENERATED=1 cargo test --test systems");
}
