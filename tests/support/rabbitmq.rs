//! A private RabbitMQ node for tests: its own ports, its own directory, its own name service; ended with whoever started
//! it, however that ends.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use std::os::unix::process::CommandExt;

use tempfile::TempDir;

use super::certificates::Certificates;
use super::servers::free_port;

/// How long a node may take until it says that it is there; on a busy machine it is slow.
const START: Duration = Duration::from_secs(180);
/// The largest message the node takes.
pub const LARGEST_MESSAGE: usize = 8 * 1024 * 1024;
/// The user that the certificate `client.pem` stands for.
pub const CERTIFIED: &str = "client";

/// A running node.
pub struct RabbitMq {
    /// The port for AMQP.
    pub port: u16,
    /// The port for AMQP with TLS.
    pub tls_port: u16,
    /// The port of the management interface.
    pub management_port: u16,
    /// What the port with TLS shows, and trusts.
    pub certificates: Certificates,
    ports: [u16; 2],
    scripts: PathBuf,
    directory: TempDir,
    node: Option<Node>,
}

/// Its processes.
struct Node {
    server: Child,
    name_service: Child,
    /// Ends the others when our end of its pipe closes: at our exit, our panic, our kill.
    guard: Child,
}

/// The node shared by the tests of this program; `None` when RabbitMQ is not installed.
pub fn rabbitmq() -> Option<&'static RabbitMq> {
    static SHARED: OnceLock<Option<RabbitMq>> = OnceLock::new();
    SHARED.get_or_init(RabbitMq::launch).as_ref()
}

impl RabbitMq {
    /// A node of one's own; `None` when RabbitMQ is not installed.
    pub fn launch() -> Option<Self> {
        let scripts = installed()?;
        let certificates = Certificates::make()?;
        let mut node = Self {
            port: free_port(),
            tls_port: free_port(),
            management_port: free_port(),
            certificates,
            ports: [free_port(), free_port()],
            scripts,
            directory: tempfile::tempdir().expect("a directory"),
            node: None,
        };
        node.configure();
        node.start();
        Some(node)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn configure(&self) {
        let file = |name: &str| self.certificates.path(name).display().to_string();
        let lines = [
            format!("management.tcp.port = {}", self.management_port),
            "management.tcp.ip = 127.0.0.1".to_owned(),
            format!("listeners.ssl.1 = 127.0.0.1:{}", self.tls_port),
            format!("ssl_options.cacertfile = {}", file("authority.pem")),
            format!("ssl_options.certfile = {}", file("server.pem")),
            format!("ssl_options.keyfile = {}", file("server.key")),
            "ssl_options.verify = verify_peer".to_owned(),
            "ssl_options.fail_if_no_peer_cert = false".to_owned(),
            "auth_mechanisms.1 = PLAIN".to_owned(),
            "auth_mechanisms.2 = EXTERNAL".to_owned(),
            "ssl_cert_login_from = common_name".to_owned(),
            format!("max_message_size = {LARGEST_MESSAGE}"),
            // The disk of the machine is nobody's business here.
            "disk_free_limit.absolute = 1MB".to_owned(),
        ];
        std::fs::write(self.path("rabbitmq.conf"), lines.join("\n") + "\n").expect("written");
        let plugins = "[rabbitmq_management,rabbitmq_auth_mechanism_ssl].\n";
        std::fs::write(self.path("plugins"), plugins).expect("written");
        std::fs::write(self.path("environment"), "").expect("written");
        for name in ["home", "data", "log"] {
            std::fs::create_dir_all(self.path(name)).expect("a directory");
        }
    }

    /// Starts it, on the same ports and with the same files as before.
    pub fn start(&mut self) {
        let [distribution, names] = self.ports;
        let name_service = Command::new("epmd")
            .args(["-address", "127.0.0.1", "-port", &names.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start epmd, which comes with Erlang: {error}"));
        let log = std::fs::File::create(self.path("console")).expect("a log");
        let server = Command::new(self.scripts.join("rabbitmq-server"))
            .env("HOME", self.path("home"))
            .env("RABBITMQ_NODENAME", format!("eddy{}@localhost", self.port))
            .env("RABBITMQ_NODE_PORT", self.port.to_string())
            .env("RABBITMQ_NODE_IP_ADDRESS", "127.0.0.1")
            .env("RABBITMQ_DIST_PORT", distribution.to_string())
            .env("ERL_EPMD_PORT", names.to_string())
            .env("ERL_EPMD_ADDRESS", "127.0.0.1")
            .env("RABBITMQ_MNESIA_BASE", self.path("data"))
            .env("RABBITMQ_LOG_BASE", self.path("log"))
            .env("RABBITMQ_PID_FILE", self.path("pid"))
            .env("RABBITMQ_ENABLED_PLUGINS_FILE", self.path("plugins"))
            .env("RABBITMQ_CONFIG_FILE", self.path("rabbitmq.conf"))
            .env("RABBITMQ_CONF_ENV_FILE", self.path("environment"))
            .env("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", "+S 2:2 +sbwt none")
            .current_dir(self.directory.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a log"))
            .stderr(log)
            .process_group(0)
            .spawn()
            .expect("RabbitMQ starts");
        let ending = format!(
            "cat >/dev/null; kill -9 -{} {}; rm -rf '{}'",
            server.id(),
            name_service.id(),
            self.directory.path().display()
        );
        let guard = Command::new("sh")
            .args(["-c", &ending])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .expect("a shell");
        self.node = Some(Node { server, name_service, guard });
        self.wait_until_it_is_there();
    }

    fn wait_until_it_is_there(&mut self) {
        let deadline = Instant::now() + START;
        loop {
            let console = std::fs::read_to_string(self.path("console")).unwrap_or_default();
            if console.contains("completed with") {
                return;
            }
            let node = self.node.as_mut().expect("started");
            let ended = node.server.try_wait().ok().flatten();
            assert!(ended.is_none(), "RabbitMQ ended at once:\n{console}");
            assert!(Instant::now() < deadline, "RabbitMQ does not start:\n{console}");
            std::thread::park_timeout(Duration::from_millis(50));
        }
    }

    /// Ends it in good order: it tells its clients, and closes its files.
    pub fn stop_in_order(&mut self) {
        if let Some(node) = self.node.as_mut() {
            let group = rustix::process::Pid::from_child(&node.server);
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::TERM);
            let deadline = Instant::now() + START;
            while node.server.try_wait().is_ok_and(|ended| ended.is_none()) && Instant::now() < deadline {
                std::thread::park_timeout(Duration::from_millis(50));
            }
        }
        self.stop();
    }

    /// Ends it at once, as a power cut would.
    pub fn stop(&mut self) {
        let Some(Node { mut server, mut name_service, mut guard }) = self.node.take() else { return };
        let _ = guard.kill();
        let _ = guard.wait();
        let group = rustix::process::Pid::from_child(&server);
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        let _ = server.wait();
        let _ = name_service.kill();
        let _ = name_service.wait();
    }

    /// Runs `rabbitmqctl` against it; fails when that fails.
    pub fn control(&self, arguments: &[&str]) {
        let output = Command::new(self.scripts.join("rabbitmqctl"))
            .args(["-n", &format!("eddy{}@localhost", self.port)])
            .args(arguments)
            .env("HOME", self.path("home"))
            .env("ERL_EPMD_PORT", self.ports[1].to_string())
            .env("RABBITMQ_CONF_ENV_FILE", self.path("environment"))
            .output()
            .expect("rabbitmqctl runs");
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// Asks the management interface to do something; fails when it does not.
    pub async fn manage(&self, method: &str, path: &str, body: serde_json::Value) -> serde_json::Value {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let url = format!("http://127.0.0.1:{}/api/{path}", self.management_port);
        let method = reqwest::Method::from_bytes(method.as_bytes()).expect("a method");
        let request = reqwest::Client::new().request(method, &url).basic_auth("guest", Some("guest"));
        let answer = request.body(body.to_string()).send().await.expect("an answer");
        let (status, text) = (answer.status(), answer.text().await.expect("a body"));
        assert!(status.is_success(), "{url}: {status} {text}");
        serde_json::from_str(&text).unwrap_or_default()
    }
}

impl Drop for RabbitMq {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Where the scripts of RabbitMQ lie; those of the package's own directory run as any user.
fn installed() -> Option<PathBuf> {
    let named = std::env::var_os("EDDY_RABBITMQ").map(PathBuf::from);
    let usual = ["/usr/lib/rabbitmq/bin", "/usr/local/sbin", "/opt/rabbitmq/sbin"].map(PathBuf::from);
    let mut places = named.into_iter().chain(usual);
    let found = places.find(|place: &PathBuf| Path::is_file(&place.join("rabbitmq-server")));
    if found.is_none() {
        let words = "`rabbitmq-server` is not installed: run scripts/install-test-servers, or set EDDY_RABBITMQ to the directory it lies in";
        assert!(std::env::var_os("EDDY_REQUIRE_SERVERS").is_none_or(|value| value != "1"), "{words}");
        eprintln!("SKIPPED: {words}");
    }
    found
}
