//! A real `PostgreSQL` for all tests of this binary, begun by the project's own script.

use holdfast::world::store::{Place, read_entries};
use sqlx::{Connection as _, Executor as _, PgConnection};
use std::fs::{self, Permissions};
use std::io::{BufRead as _, BufReader};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use tempfile::TempDir;

/// Nobody else's; stands in no log.
pub const PASSWORD: &str = "s3cret-of-the-journal";

struct Server {
    port: u16,
    /// Whose certificate it shows, as `localhost`.
    authority: PathBuf,
    /// It ends when this process does: its standard input ends then.
    _child: Child,
}

fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let folder = tempfile::tempdir().unwrap();
        let password = folder.path().join("password");
        fs::write(&password, PASSWORD).unwrap();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/postgresql.sh");
        let mut child = Command::new(script)
            .arg(port.to_string())
            .arg(&password)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = String::new();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        out.read_line(&mut said).unwrap();
        let authority = said.strip_prefix("ready ").expect(
            "these tests need PostgreSQL, and what scripts/postgresql.sh says above is why there is none",
        );
        Server {
            port,
            authority: PathBuf::from(authority.trim_end()),
            _child: child,
        }
    })
}

/// A database of one test.
pub struct Database {
    name: String,
    folder: TempDir,
}

impl Database {
    pub async fn new() -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(1);
        let name = format!("estate{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let server = server();
        let mut connection = PgConnection::connect(&url(server.port, "postgres"))
            .await
            .unwrap();
        let make = sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"));
        connection.execute(make).await.unwrap();
        Self {
            name,
            folder: tempfile::tempdir().unwrap(),
        }
    }

    /// The file that names it, at this port.
    pub fn file(&self, port: u16) -> PathBuf {
        self.written(&format!("postgresql-{port}"), &url(port, &self.name))
    }

    fn written(&self, name: &str, url: &str) -> PathBuf {
        let file = self.folder.path().join(name);
        fs::write(&file, format!("{url}\n")).unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
        file
    }

    /// As a configuration names it.
    pub fn address_file(&self) -> PathBuf {
        self.file(server().port)
    }

    pub fn place(&self) -> Place {
        Place::Shared(self.address_file())
    }

    /// By another way than the journal's.
    pub async fn raw(&self, statement: &'static str) -> Result<(), sqlx::Error> {
        let mut connection = PgConnection::connect(&url(server().port, &self.name)).await?;
        connection.execute(statement).await.map(|_| ())
    }
}

fn url(port: u16, database: &str) -> String {
    format!("postgresql://holdfast:{PASSWORD}@127.0.0.1:{port}/{database}")
}

/// A way to the server that can be cut: what is sent arrives nowhere, and nobody says so.
pub struct Line {
    pub port: u16,
    cut: Arc<AtomicBool>,
}

impl Line {
    pub fn lay() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let cut = Arc::new(AtomicBool::new(false));
        let state = cut.clone();
        std::thread::spawn(move || {
            for from in listener.incoming() {
                let (Ok(from), Ok(to)) = (from, TcpStream::connect(("127.0.0.1", server().port)))
                else {
                    return;
                };
                let (back, forth) = (to.try_clone().unwrap(), from.try_clone().unwrap());
                let (one, other) = (state.clone(), state.clone());
                std::thread::spawn(move || forward(from, to, &one));
                std::thread::spawn(move || forward(back, forth, &other));
            }
        });
        Self { port, cut }
    }

    pub fn cut(&self, cut: bool) {
        self.cut.store(cut, Ordering::SeqCst);
    }
}

/// Bytes that come while the line is cut wait, as in a network that loses and sends again.
fn forward(mut from: TcpStream, mut to: TcpStream, cut: &AtomicBool) {
    use std::io::{Read as _, Write as _};
    let mut bytes = [0; 4096];
    while let Ok(count) = from.read(&mut bytes) {
        while cut.load(Ordering::SeqCst) {
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        if count == 0 || to.write_all(&bytes[..count]).is_err() {
            return;
        }
    }
}

#[tokio::test]
async fn s13_over_a_network_the_database_must_show_the_right_certificate_for_its_name() {
    let database = Database::new().await;
    let (port, right) = (server().port, &server().authority);
    let wrong = database.folder.path().join("wrong.pem");
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    fs::write(&wrong, made.cert.pem()).unwrap();
    let reads = async |host: &str, authority: &Path| {
        let url = format!(
            "postgresql://holdfast:{PASSWORD}@{host}:{port}/{}?sslmode=verify-full&sslrootcert={}",
            database.name,
            authority.display()
        );
        let file = database.written("verified", &url);
        let read = read_entries(Place::Shared(file)).await;
        read.map_err(|error| holdfast::model::causes::chain(&error))
    };
    assert_eq!(reads("localhost", right).await, Ok(Vec::new()));
    for (host, authority) in [("127.0.0.1", right), ("localhost", &wrong)] {
        let said = reads(host, authority).await.unwrap_err();
        assert!(said.contains("certificate"), "{said}");
        assert!(!said.contains(PASSWORD), "{said}");
    }
}
