//! The HTML page of `eddy graph` in a real browser: what people click, type and see, and that no name runs as a script.

#![cfg(unix)]

mod support;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use support::browser::Browser;

/// Draws documents as files of the given names; the endings choose the formats.
fn drawn(directory: &Path, documents: &Path, files: &[&str]) {
    for file in files {
        let output = Command::new(env!("CARGO_BIN_EXE_eddy"))
            .args(["graph", "--quiet", "--output", file])
            .arg(documents)
            .current_dir(directory)
            .output()
            .expect("eddy runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

fn shop() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/graph/mermaid/cmd.in")
}

fn opened(browser: &mut Browser, page: &Path, fragment: &str) {
    browser.open(page, fragment);
    browser.until("document.documentElement.dataset.ready");
}

/// The names of the boxes that are not faded.
fn bright(browser: &mut Browser) -> Vec<String> {
    let names = browser.value(
        "[...new Set([...document.querySelectorAll('#stage .box:not(.dim):not(.gone-now)')]\
         .map((box) => box.getAttribute('aria-label')))].sort()",
    );
    serde_json::from_value(names).expect("a list of names")
}

#[test]
fn people_find_their_way_on_the_page() {
    let Some(mut browser) = Browser::start() else { return };
    let directory = tempfile::tempdir().expect("a directory");
    drawn(directory.path(), &shop(), &["shop.html"]);
    let page = directory.path().join("shop.html");
    opened(&mut browser, &page, "");
    assert_eq!(
        browser.value("document.querySelector('#counts').textContent"),
        "4 services, 5 channels, 11 connections"
    );
    assert_eq!(bright(&mut browser).len(), 9);

    search_and_focus(&mut browser);
    ways_and_filters(&mut browser);
    keys_and_views(&mut browser);
    exports(&mut browser);

    opened(&mut browser, &page, "view=flow&focus=service%3Abilling&depth=1&table=1");
    assert_eq!(browser.value("document.querySelector('#details h2').textContent"), "billing");
    let rows = browser.value("document.querySelectorAll('#table tbody tr').length");
    assert_eq!(rows, 3, "the table shows the channels of the picture");
    assert_eq!(
        browser.value("document.querySelector('[data-view=flow]').getAttribute('aria-pressed')"),
        "true"
    );
    assert_eq!(browser.complaints, Vec::<String>::new());
}

fn search_and_focus(browser: &mut Browser) {
    browser.press("/");
    browser.write("bill");
    browser.until("document.querySelector('#found li')?.textContent.startsWith('billing')");
    browser.press("Enter");
    browser.until("!document.querySelector('#details').hidden");
    browser.until("location.hash.includes('focus=service%3Abilling')");
    browser.press("[");
    browser.until("location.hash.includes('depth=1')");
    let near = bright(browser);
    assert!(near.contains(&"channel shop/invoices/paid".to_owned()), "{near:?}");
    assert!(!near.contains(&"channel shop/orders/cancelled".to_owned()), "{near:?}");
    browser.press("Escape");
    browser.press("Escape");
    browser.until("document.querySelector('#details').hidden && !document.querySelector('#stage .dim')");
    browser.click("#stage [aria-label='channel shop/invoices/paid'] rect");
    browser.until("document.querySelector('#details h2')?.textContent === 'shop/invoices/paid'");
    browser.press("Escape");
    browser.until("document.querySelector('#details').hidden");
}

fn ways_and_filters(browser: &mut Browser) {
    browser.click("#filters-button");
    browser.until("!document.querySelector('#filters').hidden");
    for (field, name) in [("from", "billing"), ("to", "notifications")] {
        browser.click(&format!("#path-{field}"));
        browser.write(name);
        browser.press("Enter");
        browser.until(&format!("location.hash.includes('{field}=service%3A{name}')"));
    }
    let way = bright(browser);
    let expected = [
        "channel shop/invoices/paid",
        "channel shop/parcels/shipped",
        "service billing",
        "service notifications",
        "service shipping",
    ];
    assert_eq!(way, expected);
    browser.click("#reset");
    browser.until("!document.querySelector('#stage .dim')");
    let choose = |id: &str, text: &str| {
        format!(
            "(() => {{ const select = document.querySelector('#{id}'); \
             select.value = [...select.options].find((one) => one.textContent === '{text}').value; \
             select.dispatchEvent(new Event('change')); }})()"
        )
    };
    browser.value(&choose("filter-domain", "money"));
    browser.until("location.hash.includes('domain=money')");
    assert!(!bright(browser).contains(&"channel shop/orders/cancelled".to_owned()));
    browser.click("#reset");
    browser.value(&choose("filter-kind", "channels: no consumer"));
    browser.until("document.querySelector('#counts').textContent.includes('2 channels')");
    browser.click("#reset");
    browser.press("f");
    browser.until("document.querySelector('#filters').hidden && !document.querySelector('#stage .dim')");
}

fn keys_and_views(browser: &mut Browser) {
    for (key, view, boxes) in [("2", "flow", 9), ("3", "overview", 4), ("1", "columns", 12)] {
        browser.press(key);
        browser.until(&format!(
            "document.querySelector('#stage > svg').getAttribute('aria-label').endsWith('{view}')"
        ));
        let drawn = browser.value("document.querySelectorAll('#stage .box').length");
        assert_eq!(drawn, boxes, "{view}");
    }
    let place = "document.querySelector('#stage > svg > g').getAttribute('transform')";
    let before = browser.value(place);
    browser.press("+");
    browser.press("ArrowLeft");
    assert_ne!(browser.value(place), before);
    browser.press("0");
    assert_eq!(browser.value(place), before);
    browser.press("?");
    browser.until("document.querySelector('#help').open");
    browser.click("#help button");
    browser.until("!document.querySelector('#help').open");
    browser.press("t");
    browser.until("document.querySelectorAll('#table tbody tr').length === 5");
    browser.press("t");
    browser.until("document.querySelector('#table').hidden");
}

/// What is exported is whole, and only what is shown.
fn exports(browser: &mut Browser) {
    browser.press("/");
    browser.write("billing");
    browser.press("Enter");
    browser.press("[");
    browser.until("location.hash.includes('depth=1')");
    for (kind, ending, place) in [("svg", "svg", ""), ("mermaid", "mmd", ""), ("json", "json", "")] {
        let file = browser.downloads.join(format!("topology.{ending}"));
        browser.value(&format!(
            "(() => {{ const select = document.querySelector('#export'); select.value = '{kind}'; \
             select.dispatchEvent(new Event('change')); }})(){place}"
        ));
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
        let mut text = String::new();
        while text.is_empty() {
            assert!(std::time::Instant::now() < deadline, "{} never came", file.display());
            // Asking the page passes the time.
            browser.value("new Promise((done) => setTimeout(done, 20))");
            text = std::fs::read_to_string(&file).unwrap_or_default();
        }
        assert!(
            text.contains("shop/invoices/paid") && !text.contains("shop/orders/cancelled"),
            "{kind}: {text}"
        );
        if kind == "json" {
            let graph: Value = serde_json::from_str(&text).expect("JSON");
            assert_eq!(graph["graph"]["nodes"].as_object().map(serde_json::Map::len), Some(6));
        }
    }
    browser.press("Escape");
    browser.press("Escape");
}

/// A document of a service at channels, each written as `send NAME` or `receive NAME`.
fn document(title: &str, flows: &[&str]) -> String {
    let mut text = format!(
        "asyncapi: 3.0.0\ninfo: {{ title: {title}, version: 1.0.0 }}\n\
         servers: {{ main: {{ host: localhost, protocol: mqtt }} }}\n"
    );
    let names: Vec<(&str, &str)> = flows.iter().filter_map(|flow| flow.split_once(' ')).collect();
    text.push_str("channels:\n");
    for (_, name) in &names {
        let _ = writeln!(
            text,
            "  {name}: {{ address: {name}, messages: {{ M: {{ payload: {{ type: object }} }} }} }}"
        );
    }
    text.push_str("operations:\n");
    for (action, name) in &names {
        let _ = writeln!(
            text,
            "  {action}-{name}: {{ action: {action}, channel: {{ $ref: '#/channels/{name}' }} }}"
        );
    }
    text
}

#[test]
fn the_slider_leads_from_before_to_after() {
    let Some(mut browser) = Browser::start() else { return };
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path();
    for (state, receiving) in
        [("before", ["receive orders", "receive old"]), ("after", ["receive orders", "receive new"])]
    {
        let documents = path.join(state);
        std::fs::create_dir(&documents).expect("a directory");
        std::fs::write(documents.join("web.yaml"), document("web", &["send orders"])).expect("written");
        std::fs::write(documents.join("mail.yaml"), document("mail", &receiving)).expect("written");
        drawn(path, &documents, &[&format!("{state}.json")]);
    }
    let output = Command::new(env!("CARGO_BIN_EXE_eddy"))
        .args(["graph", "--quiet", "--diff", "before.json..after.json", "--output", "change.html"])
        .current_dir(path)
        .output()
        .expect("eddy runs");
    assert!(path.join("change.html").exists(), "{}", String::from_utf8_lossy(&output.stderr));
    let page = path.join("change.html");
    opened(&mut browser, &page, "");
    browser.click("#filters-button");
    let both = ["channel new", "channel old", "channel orders", "service mail", "service web"];
    assert_eq!(bright(&mut browser), both);
    assert_eq!(browser.value("document.querySelectorAll('.arrow.added').length"), 1);
    assert_eq!(browser.value("document.querySelectorAll('.arrow.removed').length"), 1);
    for (place, words, gone) in [(0, "before", "channel new"), (2, "after", "channel old")] {
        browser.value(&format!(
            "(() => {{ const slider = document.querySelector('#filter-moment'); slider.value = {place}; \
             slider.dispatchEvent(new Event('input')); }})()"
        ));
        browser.until(&format!("location.hash.includes('moment={words}')"));
        let left: Vec<&str> = both.into_iter().filter(|name| *name != gone).collect();
        assert_eq!(bright(&mut browser), left, "{words}");
        assert_eq!(
            browser.value("document.querySelector('#moment-words').textContent"),
            format!("Moment: {words}")
        );
    }
    opened(&mut browser, &page, "moment=before&table=1");
    browser.until("document.querySelectorAll('#table tbody tr').length === 2");
    assert!(!bright(&mut browser).contains(&"channel new".to_owned()));
    assert_eq!(browser.complaints, Vec::<String>::new());
}

#[test]
fn it_is_seen_in_light_and_in_dark_and_painted_when_large() {
    let Some(mut browser) = Browser::start() else { return };
    let directory = tempfile::tempdir().expect("a directory");
    let large = directory.path().join("large");
    std::fs::create_dir(&large).expect("a directory");
    for number in 0..400 {
        let consumers: Vec<String> =
            (1..4).map(|step| format!("s{}", (number * 7 + step * 13) % 150)).collect();
        let schema = json!({ "title": "T", "type": "object", "x-event": {
            "type": "T", "version": "1.0.0", "channel": format!("c.{number}"),
            "produced-by": [format!("s{}", number % 150)], "consumed-by": consumers } });
        std::fs::write(large.join(format!("{number}.yaml")), schema.to_string()).expect("written");
    }
    drawn(directory.path(), &shop(), &["shop.html", "shop.svg"]);
    drawn(directory.path(), &large, &["large.html"]);
    for (scheme, paper, service, channel) in
        [("light", "#ffffff", "#e6f0fa", "#fff4dc"), ("dark", "#10161d", "#17324d", "#3a2d12")]
    {
        browser.scheme(scheme);
        for file in ["shop.html", "large.html", "shop.svg"] {
            browser.open(&directory.path().join(file), "");
            if file == "large.html" {
                browser.until("+document.querySelector('#canvas').dataset.drawn > 0");
            } else if file == "shop.html" {
                browser.until("document.documentElement.dataset.ready");
            }
            let picture = browser.picture();
            assert!(picture.count(paper) > 200_000, "{file} {scheme}: paper");
            assert!(picture.count(service) > 500, "{file} {scheme}: services {}", picture.count(service));
            assert!(picture.count(channel) > 500, "{file} {scheme}: channels {}", picture.count(channel));
        }
    }
    opened(&mut browser, &directory.path().join("large.html"), "");
    browser.until("+document.querySelector('#canvas').dataset.drawn > 0");
    browser.press("/");
    browser.write("c.77");
    browser.press("Enter");
    browser.until("document.querySelector('#details h2')?.textContent === 'c.77'");
    assert_eq!(browser.complaints, Vec::<String>::new());
}

#[test]
fn no_name_runs_as_a_script() {
    let Some(mut browser) = Browser::start() else { return };
    let directory = tempfile::tempdir().expect("a directory");
    let documents = directory.path().join("in");
    std::fs::create_dir(&documents).expect("a directory");
    let script = "console.log('pwned')";
    let names = [
        format!("<script>{script}</script>"),
        format!("</script><script>{script}</script>"),
        format!("<img src=x onerror=\"{script}\">"),
        format!("\"><svg onload=\"{script}\">"),
        format!("]]><script>{script}</script>"),
        format!("${{{script}}}"),
        format!("'+({script})+'"),
        format!("\\u003cscript>{script}\u{2028}</script>"),
        "{{script}}{{data}}".to_owned(),
        "\u{202e}\u{1b}[31m注文 الطلبات".to_owned(),
        "<\"'&>".repeat(2_000),
    ];
    let mut listed = String::new();
    for (number, name) in names.iter().enumerate() {
        let next = &names[(number + 1) % names.len()];
        let schema = json!({ "title": name, "type": "object", "description": name, "x-event": {
            "type": name, "version": "1.0.0", "channel": name, "produced-by": [name], "consumed-by": [next] } });
        std::fs::write(documents.join(format!("{number}.yaml")), schema.to_string()).expect("written");
        let _ = writeln!(listed, "{name}");
    }
    drawn(directory.path(), &documents, &["hostile.html", "hostile.svg", "hostile.json"]);
    for (file, fragment) in
        [("hostile.svg", ""), ("hostile.html", ""), ("hostile.html", "view=flow&table=1&q=%3Cscript%3E")]
    {
        browser.open(&directory.path().join(file), fragment);
        if file == "hostile.html" {
            browser.until("document.documentElement.dataset.ready");
            browser.press("/");
            browser.write("script");
            browser.press("Enter");
            browser.until("!document.querySelector('#details').hidden");
            for kind in ["svg", "mermaid", "json"] {
                browser.value(&format!(
                    "(() => {{ const select = document.querySelector('#export'); select.value = '{kind}'; \
                     select.dispatchEvent(new Event('change')); }})()"
                ));
            }
            assert_eq!(browser.value("document.querySelectorAll('img, iframe, object, embed').length"), 0);
            assert_eq!(browser.value("document.scripts.length"), 2);
        }
        assert!(browser.picture().count("#ffffff") > 100_000, "{file}");
        assert_eq!(browser.value("document.querySelectorAll('[onload], [onerror]').length"), 0);
    }
    // A test that cannot hear a script could not fail.
    assert_eq!(browser.complaints, Vec::<String>::new(), "{listed}");
    browser.value(script);
    assert!(browser.complaints[0].contains("pwned"), "{:?}", browser.complaints);
}
