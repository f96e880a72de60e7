//! Every generated secret comes back from the same estate key, and the ordinary tools read it.

use holdfast::decide::derive::{self, DeriveError, EstateKey};
use holdfast::decide::first_contact;
use holdfast::model::ids::{Epoch, EstateName, MachineName, StackId};
use holdfast::model::machine::Role;
use holdfast::model::operation::OwnerLabel;
use holdfast::model::secret::Secret;
use sha2::{Digest, Sha256};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

fn key() -> EstateKey {
    EstateKey::new(Secret::new((0..32).collect::<Vec<u8>>())).unwrap()
}

fn machine() -> MachineName {
    MachineName::new("acme-e2")
}

fn text(secret: &Secret) -> String {
    secret.expose_text().unwrap().to_owned()
}

fn run(program: &str, arguments: &[&str]) -> String {
    let out = Command::new(program).args(arguments).output().unwrap();
    let stderr = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(out.status.success(), "{program} {arguments:?}: {stderr}");
    String::from_utf8(out.stdout).unwrap()
}

#[test]
fn an_estate_key_of_another_length_is_refused() {
    let error = EstateKey::new(Secret::new(vec![0; 31])).unwrap_err();
    assert_eq!(error, DeriveError::Length { found: 31 });
    assert_eq!(
        error.to_string(),
        "the estate key has 31 bytes instead of 32"
    );
}

#[test]
fn derived_secrets_never_change() {
    // A change here would lock every estate out of its machines and repositories.
    let digest = |bytes: &[u8]| hex::encode(Sha256::digest(bytes));
    let tls = derive::tls_identity(&key(), &machine(), "10.0.0.7".parse().unwrap());
    insta::assert_snapshot!(format!(
        "text {}\nhost {}\nhost private {}\nclient {}\ntls private {}\ncertificate {}",
        text(&derive::text(&key(), &["service", "acme", "wiki", "db_password"])),
        derive::host_key(&key(), &machine()).public,
        digest(derive::host_key(&key(), &machine()).private_openssh.expose()),
        derive::client_key(&key()).public,
        digest(tls.private_key_pem.expose()),
        digest(tls.certificate_pem.as_bytes()),
    ), @r"
    text HmERw2G0eakgC3arLz0Au8Bbj3XaA0SB
    host ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOTYDuQrrXKYu47u8X2s6+7CUxGm8eU2Y1tuQCDvALFU
    host private 3b3bc7d1cdf943a9cf20c08e133e2394d25d85fdc45bfb29cb399e87205a3a30
    client ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJVuJdRXCFiEelnK/bk9wredNVGlK+Y4uXAgetGfVOmG
    tls private 2a9dd7e3adb764cb88c287d52ca27fc7d7bec964b66d1ec2040eba395ff17e92
    certificate 3eb1306b0a409f508118bd555b2290eaf9531d5ba608f193b838b690c4829bdb
    ");
}

#[test]
fn a_context_is_never_taken_for_another() {
    let mut seen = std::collections::BTreeSet::new();
    for context in [
        &["ab", "c"][..],
        &["a", "bc"],
        &["abc"],
        &["abc", ""],
        &["", "abc"],
    ] {
        let password = text(&derive::text(&key(), context));
        assert_eq!(password.len(), 32);
        assert!(password.chars().all(|c| c.is_ascii_alphanumeric()));
        assert!(seen.insert(password), "{context:?} collides");
    }
    let other = derive::host_key(&key(), &MachineName::new("acme-e3"));
    assert_ne!(other.public, derive::host_key(&key(), &machine()).public);
    assert_ne!(
        derive::client_key(&key()).public,
        derive::host_key(&key(), &machine()).public
    );
}

#[test]
fn ssh_keygen_reads_the_private_key_and_gives_the_public_one() {
    let folder = tempfile::tempdir().unwrap();
    for pair in [
        derive::host_key(&key(), &machine()),
        derive::client_key(&key()),
    ] {
        let path = folder.path().join("key");
        fs::write(&path, pair.private_openssh.expose()).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        let public = run("ssh-keygen", &["-y", "-f", path.to_str().unwrap()]);
        assert_eq!(public.trim_end(), pair.public);
    }
}

#[test]
fn openssl_reads_and_verifies_the_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let identity = derive::tls_identity(&key(), &machine(), "10.0.0.7".parse().unwrap());
    let certificate = folder.path().join("tls.crt");
    let private = folder.path().join("tls.key");
    fs::write(&certificate, &identity.certificate_pem).unwrap();
    fs::write(&private, identity.private_key_pem.expose()).unwrap();
    let certificate = certificate.to_str().unwrap();
    let shown = run("openssl", &["x509", "-in", certificate, "-noout", "-text"]);
    assert!(shown.contains("IP Address:10.0.0.7"), "{shown}");
    assert!(shown.contains("CA:TRUE"), "{shown}");
    assert!(shown.contains("TLS Web Server Authentication"), "{shown}");
    run(
        "openssl",
        &[
            "verify",
            "-purpose",
            "sslserver",
            "-verify_ip",
            "10.0.0.7",
            "-CAfile",
            certificate,
            certificate,
        ],
    );
    assert_eq!(
        run(
            "openssl",
            &["x509", "-in", certificate, "-noout", "-pubkey"]
        ),
        run(
            "openssl",
            &["pkey", "-in", private.to_str().unwrap(), "-pubout"]
        ),
    );
}

#[test]
fn first_contact_carries_our_host_key_and_nothing_to_trust_blindly() {
    let owner = OwnerLabel {
        estate: EstateName::new("demo"),
        role: Role::Production,
        stack: Some(StackId::new("acme")),
        epoch: Epoch(2),
    };
    let host = derive::host_key(&key(), &machine());
    let client = derive::client_key(&key());
    let data = first_contact::user_data(&host, &client.public, &owner, &machine());
    let again = first_contact::user_data(&host, &client.public, &owner, &machine());
    assert_eq!(data.expose(), again.expose());
    assert!(data.expose().len() < 32 * 1024, "Hetzner takes 32 KiB");
    let shown = text(&data).replace(
        &text(&host.private_openssh)
            .trim_end()
            .replace('\n', "\n    "),
        "<private key>",
    );
    assert!(!shown.contains("BEGIN OPENSSH"), "{shown}");
    insta::assert_snapshot!(shown, @r#"
    #cloud-config
    hostname: "acme-e2"
    preserve_hostname: false
    package_update: false
    package_upgrade: false
    users: []
    disable_root: false
    ssh_pwauth: false
    ssh_authorized_keys:
      - "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJVuJdRXCFiEelnK/bk9wredNVGlK+Y4uXAgetGfVOmG"
    ssh_deletekeys: true
    ssh_genkeytypes: [ed25519]
    ssh_keys:
      ed25519_private: |
        <private key>
      ed25519_public: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOTYDuQrrXKYu47u8X2s6+7CUxGm8eU2Y1tuQCDvALFU"
    write_files:
      - path: /etc/holdfast/identity
        owner: root:root
        permissions: "0644"
        content: |
          ESTATE='demo'
          STACK='acme'
          ROLE='production'
          EPOCH='2'
          MACHINE='acme-e2'
    "#);
}

#[test]
fn s07_another_estate_of_the_same_name_is_not_kin() {
    let name = EstateName::new("demo");
    let other = EstateKey::new(Secret::new(vec![9; 32])).unwrap();
    let ours = derive::kin(&key(), &name);
    assert_eq!(ours, derive::kin(&key(), &name));
    assert_ne!(ours, derive::kin(&other, &name));
    assert!(ours.as_str().starts_with("demo-"));
}
