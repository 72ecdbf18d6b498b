//! Chromium for tests, steered by its own protocol through its standard streams; nothing of Node is needed.

use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// How long a condition may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// One page in a browser of its own; what it complains of is kept.
pub struct Browser {
    process: Child,
    input: ChildStdin,
    messages: Receiver<Value>,
    next: u64,
    session: Option<String>,
    /// Errors of scripts, broken policies, and all that was written to the console.
    pub complaints: Vec<String>,
    /// Where downloads go.
    pub downloads: PathBuf,
    _profile: tempfile::TempDir,
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Browser {
    /// Starts the browser with an empty page; `None` where it is not installed.
    pub fn start() -> Option<Self> {
        let program = super::servers::program("chromium", "EDDY_CHROMIUM")?;
        let profile = tempfile::tempdir().expect("a directory");
        // The shell puts the two pipes where the browser looks for them.
        let mut process = Command::new("sh")
            .args(["-c", "exec \"$0\" \"$@\" 3<&0 4>&1 0</dev/null 1>/dev/null 2>/dev/null"])
            .arg(program)
            .args([
                "--headless=new",
                "--remote-debugging-pipe",
                "--no-sandbox",
                "--disable-gpu",
                "--no-first-run",
            ])
            .args(["--disable-dev-shm-usage", "--disable-background-networking", "--hide-scrollbars"])
            .arg("--force-device-scale-factor=1")
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg("about:blank")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the browser starts");
        let output = process.stdout.take().expect("a pipe");
        let (sender, messages) = channel();
        std::thread::spawn(move || {
            let mut output = BufReader::new(output);
            let mut bytes = Vec::new();
            while output.read_until(0, &mut bytes).is_ok_and(|count| count > 0) {
                let message = serde_json::from_slice(bytes.strip_suffix(&[0]).unwrap_or(&bytes));
                if message.is_ok_and(|message| sender.send(message).is_err()) {
                    break;
                }
                bytes.clear();
            }
        });
        let input = process.stdin.take().expect("a pipe");
        let downloads = profile.path().join("downloads");
        let mut browser = Self {
            process,
            input,
            messages,
            next: 0,
            session: None,
            complaints: Vec::new(),
            downloads: downloads.clone(),
            _profile: profile,
        };
        let target = browser.call("Target.createTarget", &json!({ "url": "about:blank" }));
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        let session = browser.call("Target.attachToTarget", &attach)["sessionId"].clone();
        let behaviour = json!({ "behavior": "allow", "downloadPath": downloads });
        browser.call("Browser.setDownloadBehavior", &behaviour);
        browser.session = session.as_str().map(str::to_owned);
        for domain in ["Page", "Runtime", "Log"] {
            browser.call(&format!("{domain}.enable"), &json!({}));
        }
        browser.size(1280, 800);
        Some(browser)
    }

    /// Asks the browser for something and waits for the answer.
    pub fn call(&mut self, method: &str, parameters: &Value) -> Value {
        let message = self.ask(method, parameters);
        assert!(message["error"].is_null(), "{method}: {}", message["error"]);
        message["result"].clone()
    }

    /// The same with the answer as it came, which may be an error.
    fn ask(&mut self, method: &str, parameters: &Value) -> Value {
        self.next += 1;
        let number = self.next;
        let mut request = json!({ "id": number, "method": method, "params": parameters });
        if let Some(session) = &self.session {
            request["sessionId"] = session.as_str().into();
        }
        self.input.write_all(format!("{request}\0").as_bytes()).expect("the browser listens");
        loop {
            let message =
                self.messages.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("no answer to {method}"));
            if message["id"] == number {
                return message;
            }
            self.note(&message);
        }
    }

    fn note(&mut self, message: &Value) {
        let parameters = &message["params"];
        let complaint = match message["method"].as_str() {
            Some("Runtime.exceptionThrown") => &parameters["exceptionDetails"],
            Some("Runtime.consoleAPICalled") => &parameters["args"],
            Some("Log.entryAdded") => &parameters["entry"],
            Some("Page.javascriptDialogOpening") => parameters,
            _ => return,
        };
        self.complaints.push(complaint.to_string());
    }

    /// Sets the size of the window.
    pub fn size(&mut self, width: u32, height: u32) {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.call("Emulation.setDeviceMetricsOverride", &size);
    }

    /// Chooses light or dark.
    pub fn scheme(&mut self, scheme: &str) {
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        self.call("Emulation.setEmulatedMedia", &json!({ "features": features }));
    }

    /// Opens a file, with a fragment after `#`.
    pub fn open(&mut self, file: &Path, fragment: &str) {
        // A change of the fragment alone would load nothing.
        self.call("Page.navigate", &json!({ "url": "about:blank" }));
        self.until("location.href === 'about:blank'");
        self.call("Page.navigate", &json!({ "url": format!("file://{}#{fragment}", file.display()) }));
        self.until("location.href.startsWith('file:') && document.readyState === 'complete'");
    }

    /// Opens an address.
    pub fn visit(&mut self, address: &str) {
        self.call("Page.navigate", &json!({ "url": address }));
        self.until(&format!(
            "location.href.startsWith({}) && document.readyState === 'complete'",
            json!(address)
        ));
    }

    /// The value of an expression in the page.
    pub fn value(&mut self, expression: &str) -> Value {
        let parameters = json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let answer = self.call("Runtime.evaluate", &parameters);
        assert!(answer["exceptionDetails"].is_null(), "{expression}: {}", answer["exceptionDetails"]);
        answer["result"]["value"].clone()
    }

    /// Waits until an expression is true in the page.
    pub fn until(&mut self, expression: &str) {
        let deadline = Instant::now() + PATIENCE;
        let asked = format!(
            "new Promise((done) => {{ const look = () => {{ let is = false; try {{ is = Boolean({expression}); }} catch {{}} \
             if (is) done(true); else setTimeout(look, 20); }}; look(); setTimeout(() => done(false), 2000); }})"
        );
        while Instant::now() < deadline {
            let parameters = json!({ "expression": asked, "returnByValue": true, "awaitPromise": true });
            // While a page is replaced by another there is nobody to answer.
            if self.ask("Runtime.evaluate", &parameters)["result"]["result"]["value"] == true {
                return;
            }
        }
        panic!("never true: {expression}");
    }

    /// Presses a key of a keyboard, by its name; one character is also typed.
    pub fn press(&mut self, key: &str) {
        let mut down = json!({ "type": "keyDown", "key": key });
        if key.chars().count() == 1 {
            down["text"] = key.into();
        }
        if key == "Enter" {
            down["text"] = "\r".into();
            down["windowsVirtualKeyCode"] = 13.into();
        }
        self.call("Input.dispatchKeyEvent", &down);
        self.call("Input.dispatchKeyEvent", &json!({ "type": "keyUp", "key": key }));
    }

    /// Types text into what has the focus.
    pub fn write(&mut self, text: &str) {
        self.call("Input.insertText", &json!({ "text": text }));
    }

    /// Clicks the middle of the first element that a selector finds.
    pub fn click(&mut self, selector: &str) {
        let selector = json!(selector);
        let place = self.value(&format!(
            "(() => {{ const place = document.querySelector({selector}).getBoundingClientRect(); \
             return [place.x + place.width / 2, place.y + place.height / 2]; }})()"
        ));
        for kind in ["mousePressed", "mouseReleased"] {
            let event =
                json!({ "type": kind, "x": place[0], "y": place[1], "button": "left", "clickCount": 1 });
            self.call("Input.dispatchMouseEvent", &event);
        }
    }

    /// What is to be seen now.
    pub fn picture(&mut self) -> Picture {
        let answer = self.call("Page.captureScreenshot", &json!({ "format": "png" }));
        let text = answer["data"].as_str().expect("a picture").to_owned();
        if let Some(place) = std::env::var_os("EDDY_PICTURES") {
            self.next += 1;
            let file = Path::new(&place).join(format!("{}.png", self.next));
            std::fs::write(file, decoded(&text)).expect("a picture is kept");
        }
        Picture::read(&decoded(&text))
    }
}

fn decoded(text: &str) -> Vec<u8> {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.decode(text).expect("base64")
}

/// Red, green and blue of every point.
pub struct Picture {
    width: usize,
    points: Vec<[u8; 3]>,
}

impl Picture {
    /// Reads a PNG of eight bits per channel without interlacing, which is what a browser makes.
    fn read(bytes: &[u8]) -> Self {
        let number =
            |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().expect("four bytes")) as usize;
        let (width, channels) = (number(16), if bytes[25] == 6 { 4 } else { 3 });
        assert_eq!((bytes[24], bytes[28]), (8, 0), "a plain PNG");
        let (mut at, mut packed) = (8, Vec::new());
        while at < bytes.len() {
            let length = number(at);
            if &bytes[at + 4..at + 8] == b"IDAT" {
                packed.extend_from_slice(&bytes[at + 8..at + 8 + length]);
            }
            at += length + 12;
        }
        let mut raw = Vec::new();
        flate2::read::ZlibDecoder::new(&packed[..]).read_to_end(&mut raw).expect("zlib");
        let stride = width * channels;
        let mut above = vec![0_u8; stride];
        let mut points = Vec::new();
        for line in raw.chunks_exact(stride + 1) {
            let mut row = line[1..].to_vec();
            for place in 0..stride {
                let left = if place >= channels { row[place - channels] } else { 0 };
                let corner = if place >= channels { above[place - channels] } else { 0 };
                row[place] = row[place].wrapping_add(predicted(line[0], left, above[place], corner));
            }
            points.extend(row.chunks_exact(channels).map(|point| [point[0], point[1], point[2]]));
            above = row;
        }
        Self { width, points }
    }

    /// How many points have about this colour, written `#rrggbb`.
    pub fn count(&self, colour: &str) -> usize {
        let part = |at: usize| u8::from_str_radix(&colour[at..at + 2], 16).expect("a colour");
        let wanted = [part(1), part(3), part(5)];
        let near = |point: &&[u8; 3]| point.iter().zip(wanted).all(|(one, other)| one.abs_diff(other) <= 3);
        self.points.iter().filter(near).count()
    }

    /// The colour of a point.
    pub fn at(&self, x: usize, y: usize) -> [u8; 3] {
        self.points[y * self.width + x]
    }
}

/// What the filter of a line of a PNG adds.
fn predicted(filter: u8, left: u8, above: u8, corner: u8) -> u8 {
    let [left_wide, above_wide, corner_wide] = [left, above, corner].map(i16::from);
    match filter {
        1 => left,
        2 => above,
        3 => u8::try_from(i16::midpoint(left_wide, above_wide)).expect("a byte"),
        4 => {
            let guess = left_wide + above_wide - corner_wide;
            let [to_left, to_above, to_corner] =
                [left_wide, above_wide, corner_wide].map(|one| (guess - one).abs());
            if to_left <= to_above && to_left <= to_corner {
                left
            } else if to_above <= to_corner {
                above
            } else {
                corner
            }
        }
        _ => 0,
    }
}
