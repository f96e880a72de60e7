//! Keys and signatures. Ed25519 is signed in this process, from fixed seeds; everything a
//! library would refuse to make (SHA-1, an untouched hardware key, two versions of the
//! envelope) is put together byte by byte, after PROTOCOL.sshsig and PROTOCOL.u2f.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signer as _, SigningKey};
use sha2::{Digest, Sha256, Sha512};
use ssh_key::private::Ed25519Keypair;
use ssh_key::{HashAlg, LineEnding, PrivateKey};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

/// A key that can sign.
pub struct Key {
    /// `ssh-ed25519 AAAA…`
    pub public: String,
    secret: Secret,
}

enum Secret {
    Ours(Box<PrivateKey>),
    /// A file for `ssh-keygen -Y sign`.
    File(PathBuf),
    /// A hardware key, played: flags and counter are ours to choose.
    Hardware {
        key: Box<SigningKey>,
        touched: bool,
    },
    /// PKCS#1 in PEM, signed with SHA-1 by openssl.
    RsaSha1(PathBuf),
    /// Nobody has it; its signatures are zeros.
    Nobody,
}

/// First owner.
pub static ANNA: LazyLock<Key> = LazyLock::new(|| ed25519(1));
/// A second key of the first owner's.
pub static ANNA_TOO: LazyLock<Key> = LazyLock::new(|| ed25519(2));
/// Second owner.
pub static BERT: LazyLock<Key> = LazyLock::new(|| ed25519(3));
/// Operator.
pub static CARLA: LazyLock<Key> = LazyLock::new(|| ed25519(4));
/// Admin of the customer acme.
pub static DORA: LazyLock<Key> = LazyLock::new(|| ed25519(5));
/// The reconciler.
pub static RECONCILER: LazyLock<Key> = LazyLock::new(|| ed25519(6));
/// In no list.
pub static MALLORY: LazyLock<Key> = LazyLock::new(|| ed25519(7));

static FOLDER: LazyLock<tempfile::TempDir> =
    LazyLock::new(|| tempfile::tempdir().expect("a folder"));
/// RSA with 3072 bits.
pub static RSA: LazyLock<Key> =
    LazyLock::new(|| made("rsa", &["-t", "rsa", "-b", "3072", "-m", "PEM"]));
/// RSA with 2048 bits.
pub static RSA_SHORT: LazyLock<Key> = LazyLock::new(|| made("short", &["-t", "rsa", "-b", "2048"]));
/// The RSA key above, signing with SHA-1.
pub static RSA_SHA1: LazyLock<Key> = LazyLock::new(|| Key {
    public: RSA.public.clone(),
    secret: Secret::RsaSha1(FOLDER.path().join("rsa")),
});
/// ECDSA on NIST P-256.
pub static ECDSA: LazyLock<Key> = LazyLock::new(|| made("p256", &["-t", "ecdsa", "-b", "256"]));
/// ECDSA on NIST P-384.
pub static ECDSA_384: LazyLock<Key> = LazyLock::new(|| made("p384", &["-t", "ecdsa", "-b", "384"]));
/// ECDSA on NIST P-521.
pub static ECDSA_521: LazyLock<Key> = LazyLock::new(|| made("p521", &["-t", "ecdsa", "-b", "521"]));
/// A hardware key that its owner touched.
pub static HARDWARE: LazyLock<Key> = LazyLock::new(|| hardware(true));
/// The same key, not touched.
pub static UNTOUCHED: LazyLock<Key> = LazyLock::new(|| hardware(false));
/// A DSA key. OpenSSH no longer makes them.
pub static DSA: LazyLock<Key> = LazyLock::new(|| {
    let blob = [
        string(b"ssh-dss"),
        number(128, 0x91),
        number(20, 0xa1),
        number(128, 0x51),
        number(128, 0x41),
    ];
    Key {
        public: format!("ssh-dss {}", STANDARD.encode(blob.concat())),
        secret: Secret::Nobody,
    }
});

fn ed25519(seed: u8) -> Key {
    let pair = Ed25519Keypair::from_seed(&[seed; 32]);
    let key = PrivateKey::from(pair);
    Key {
        public: key.public_key().to_openssh().expect("a line"),
        secret: Secret::Ours(Box::new(key)),
    }
}

fn made(name: &str, kind: &[&str]) -> Key {
    let path = FOLDER.path().join(name);
    run(Command::new("ssh-keygen")
        .args(["-q", "-N", "", "-C", "", "-f"])
        .arg(&path)
        .args(kind));
    let public = fs::read_to_string(path.with_extension("pub")).expect("a public key");
    Key {
        public: public.trim().to_owned(),
        secret: Secret::File(path),
    }
}

fn hardware(touched: bool) -> Key {
    let key = SigningKey::from_bytes(&[8; 32]);
    let blob = [
        string(b"sk-ssh-ed25519@openssh.com"),
        string(key.verifying_key().as_bytes()),
        string(b"ssh:"),
    ];
    Key {
        public: format!(
            "sk-ssh-ed25519@openssh.com {}",
            STANDARD.encode(blob.concat())
        ),
        secret: Secret::Hardware {
            key: Box::new(key),
            touched,
        },
    }
}

/// A certificate for Anna's key by a CA, as a key line; and the CA's own line.
pub fn certificate() -> (String, String) {
    static MADE: LazyLock<(String, String)> = LazyLock::new(|| {
        let ca = made("ca", &["-t", "ed25519"]);
        let path = FOLDER.path().join("anna.pub");
        fs::write(&path, &ANNA.public).expect("a file");
        run(Command::new("ssh-keygen")
            .args(["-q", "-s"])
            .arg(FOLDER.path().join("ca"))
            .args(["-I", "anna", "-n", "anna"])
            .arg(&path));
        let line = fs::read_to_string(FOLDER.path().join("anna-cert.pub")).expect("a file");
        (line.trim().to_owned(), ca.public)
    });
    MADE.clone()
}

impl Key {
    /// The public key's bytes.
    pub fn blob(&self) -> Vec<u8> {
        blob(&self.public)
    }

    /// An SSH signature as Git stores it.
    pub fn sign(&self, namespace: &str, payload: &[u8]) -> String {
        match &self.secret {
            Secret::Ours(key) => key
                .sign(namespace, HashAlg::Sha512, payload)
                .and_then(|signature| signature.to_pem(LineEnding::LF))
                .expect("signed"),
            Secret::File(path) => sign_with(path, namespace, payload),
            Secret::Nobody => {
                let zeros = [string(b"ssh-dss"), string(&[0; 40])].concat();
                Envelope::of(self, namespace, zeros).armoured()
            }
            Secret::RsaSha1(path) => {
                let raw = sha1_by_openssl(path, &Envelope::signed_bytes(namespace, payload));
                let signature = [string(b"ssh-rsa"), string(&raw)].concat();
                Envelope::of(self, namespace, signature).armoured()
            }
            Secret::Hardware { key, touched } => {
                let flags = [u8::from(*touched)];
                let counter = 7_u32.to_be_bytes();
                let inner = Sha256::digest(Envelope::signed_bytes(namespace, payload));
                let application = Sha256::digest(b"ssh:");
                let message = [&application[..], &flags, &counter, &inner].concat();
                let raw = key.sign(&message).to_bytes();
                let signature = [
                    string(b"sk-ssh-ed25519@openssh.com"),
                    string(&raw),
                    flags.to_vec(),
                    counter.to_vec(),
                ];
                Envelope::of(self, namespace, signature.concat()).armoured()
            }
        }
    }

    /// A signature of which a test may change every part.
    pub fn envelope(&self, namespace: &str, payload: &[u8]) -> Envelope {
        let Secret::Ours(key) = &self.secret else {
            panic!("only for keys in this process");
        };
        let pair = key.key_data().ed25519().expect("Ed25519");
        let secret = SigningKey::from_bytes(&pair.private.to_bytes());
        let raw = secret.sign(&Envelope::signed_bytes(namespace, payload));
        let signature = [string(b"ssh-ed25519"), string(&raw.to_bytes())].concat();
        Envelope::of(self, namespace, signature)
    }
}

/// PROTOCOL.sshsig, field by field.
#[derive(Clone)]
pub struct Envelope {
    pub version: u32,
    pub key: Vec<u8>,
    pub namespace: Vec<u8>,
    pub hash: Vec<u8>,
    pub signature: Vec<u8>,
    /// Bytes after the end.
    pub rest: Vec<u8>,
}

impl Envelope {
    fn of(key: &Key, namespace: &str, signature: Vec<u8>) -> Self {
        Self {
            version: 1,
            key: key.blob(),
            namespace: namespace.as_bytes().to_vec(),
            hash: b"sha512".to_vec(),
            signature,
            rest: Vec::new(),
        }
    }

    fn signed_bytes(namespace: &str, payload: &[u8]) -> Vec<u8> {
        [
            b"SSHSIG".to_vec(),
            string(namespace.as_bytes()),
            string(b""),
            string(b"sha512"),
            string(&Sha512::digest(payload)),
        ]
        .concat()
    }

    /// The text that Git stores.
    pub fn armoured(&self) -> String {
        let bytes = [
            b"SSHSIG".to_vec(),
            self.version.to_be_bytes().to_vec(),
            string(&self.key),
            string(&self.namespace),
            string(b""),
            string(&self.hash),
            string(&self.signature),
            self.rest.clone(),
        ]
        .concat();
        let text = STANDARD.encode(bytes);
        let mut lines = vec!["-----BEGIN SSH SIGNATURE-----"];
        let mut rest = text.as_str();
        while !rest.is_empty() {
            let (line, more) = rest.split_at(rest.len().min(70));
            lines.push(line);
            rest = more;
        }
        lines.push("-----END SSH SIGNATURE-----\n");
        lines.join("\n")
    }
}

/// The bytes of a public key's line.
pub fn blob(line: &str) -> Vec<u8> {
    let text = line.split(' ').nth(1).expect("a key line");
    STANDARD.decode(text).expect("base64")
}

fn string(bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).expect("short");
    [&length.to_be_bytes()[..], bytes].concat()
}

/// A large positive number.
fn number(bytes: usize, first: u8) -> Vec<u8> {
    let mut value = vec![0, first];
    value.resize(bytes + 1, 0x11);
    string(&value)
}

fn sign_with(key: &Path, namespace: &str, payload: &[u8]) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("payload");
    fs::write(&file, payload).expect("a file");
    run(Command::new("ssh-keygen")
        .args(["-q", "-Y", "sign", "-n", namespace, "-f"])
        .arg(key)
        .arg(&file));
    fs::read_to_string(folder.path().join("payload.sig")).expect("a signature")
}

fn sha1_by_openssl(key: &Path, message: &[u8]) -> Vec<u8> {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("message");
    let signature = folder.path().join("signature");
    fs::write(&file, message).expect("a file");
    run(Command::new("openssl")
        .args(["dgst", "-sha1", "-sign"])
        .arg(key)
        .arg("-out")
        .arg(&signature)
        .arg(&file));
    fs::read(signature).expect("a signature")
}

pub fn run(command: &mut Command) {
    let output = command.output().expect("a program");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {errors}");
}
