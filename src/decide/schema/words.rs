//! The values that files are made of, as editors see them. What the reader refuses by
//! form is a pattern here; a test holds both together.

use crate::decide::document::words as forms;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use std::borrow::Cow;

macro_rules! words {
    ($($name:ident: $schema:expr;)*) => {$(
        #[doc = concat!("A value of the kind `", stringify!($name), "`; only its schema is used.")]
        #[derive(Debug)]
        pub enum $name {}

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                $schema
            }
            fn inline_schema() -> bool {
                true
            }
        }
    )*};
}

fn text(pattern: &str, rule: &str, example: &str) -> Schema {
    json_schema!({ "type": "string", "pattern": pattern, "description": rule, "examples": [example] })
}

fn one_of(values: &[&str]) -> Schema {
    json_schema!({ "type": "string", "enum": values })
}

/// Labels of DNS names; the last has something else than digits in it.
const ZONE: &str = r"^(?!(.*\.)?[0-9]+$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$";
const HOST: &str = r"^(?!(.*\.)?[0-9]+$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)+$";

words! {
    Edition: json_schema!({ "const": 1, "description": "The edition of the format, always 1.", "default": 1 });
    Id: text("^[a-z]([a-z0-9-]{0,29}[a-z0-9])?$", forms::ID.rule(), "acme");
    Variable: text("^[a-z][a-z0-9_]{0,30}$", forms::VARIABLE.rule(), "db_password");
    Machine: text("^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$", forms::MACHINE.rule(), "acme-e1");
    Site: json_schema!({
        "type": "string",
        "maxLength": 40,
        "pattern": "^[a-z0-9]([a-z0-9-]*[a-z0-9])?(/[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$",
        "description": forms::SITE.rule(),
        "examples": ["nbg1", "de/fra"],
    });
    Image: text("^[a-z][a-z0-9.-]{0,39}$", forms::IMAGE.rule(), "debian-13");
    KnownImage: one_of(&["debian-12", "debian-13"]);
    Language: one_of(&["de", "en"]);
    Allowed: one_of(&["repair"]);
    Repair: one_of(&["restart", "reinstall", "reboot", "rebuild"]);
    Algorithm: one_of(&["hmac-sha256"]);
    Moment: text(
        r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?(Z|[+-][0-9]{2}:[0-9]{2})$",
        "a time with its zone",
        "2027-01-01T00:00:00Z"
    );
    PathRule: text(
        r"^[^*?\[\]\\/][^*?\[\]\\]*$",
        "a file, or a folder with / at its end; no wildcards",
        "blueprints/own/"
    );
    People: json_schema!({ "type": "integer", "minimum": 1, "maximum": 255 });
    Interface: one_of(&["hetzner-cloud", "pool"]);
    Engine: one_of(&["postgresql", "mariadb"]);
    When: one_of(&["before-packages", "after-packages"]);
    Host: json_schema!({
        "type": "string", "maxLength": 253, "pattern": HOST,
        "description": forms::HOST.rule(), "examples": ["wiki.acme.example"],
    });
    Zone: json_schema!({
        "type": "string", "maxLength": 253, "pattern": ZONE,
        "description": forms::ZONE.rule(), "examples": ["acme.example"],
    });
    Account: text("^[a-z_][a-z0-9_-]{0,30}$", forms::ACCOUNT.rule(), "www-data");
    Mode: text("^[0-7]{4}$", forms::MODE.rule(), "0640");
    Line: json_schema!({
        "type": "string", "minLength": 1, "maxLength": 200,
        "pattern": r"^[^\u0000-\u001f\u007f-\u009f]*$", "description": forms::LINE.rule(),
    });
    Value: json_schema!({
        "type": "string", "maxLength": 1000,
        "pattern": r"^[^\u0000-\u001f\u007f-\u009f]*$", "description": forms::VALUE.rule(),
    });
    Template: json_schema!({
        "type": "string",
        "description": "May hold {{ settings.… }}, {{ secrets.… }}, {{ image.… }}, {{ stack.… }} and {{ service.… }}.",
    });
    Optional: one_of(&["optional", "required"]);
    Expected: one_of(&["expected", "required"]);
    Distance: text("^[0-9]+ *km$", "a whole number of kilometres", "100 km");
    Day: text("^[0-9]{4}-[0-9]{2}-[0-9]{2}$", "year, month and day", "2026-12-31");
    Duration: text(r"^0*[1-9][0-9]* ?(s|m|min|h|d|w)$", "an amount with its unit: s, m, h, d or w", "24h");
    Often: text(r"^(off|0*[1-9][0-9]* ?(s|m|min|h|d|w))$", "an amount with its unit: s, m, h, d or w; or off", "30s");
    Size: text(
        r"^[0-9]+ ?(B|KiB|MiB|GiB|TiB|kB|KB|MB|GB|TB)$",
        "an amount with its unit: MiB, GiB, TiB, MB, GB or TB",
        "8 GiB"
    );
    Schedule: text(
        r"^daily ([01][0-9]|2[0-3]):[0-5][0-9] [A-Za-z0-9_+/-]+$",
        "daily, the time, and a zone of the IANA time zone database",
        "daily 02:30 Europe/Berlin"
    );
    Contact: text("^(mailto:|tel:).+$", "mailto: or tel:", "mailto:it@acme.example");
    SocketAddress: text(r"^(\[[0-9A-Fa-f:.]+\]|[0-9.]+):[0-9]{1,5}$", "address and port", "192.0.2.53:53");
    Address: text("^[0-9A-Fa-f:.]+$", "an IPv4 or IPv6 address", "192.0.2.10");
    Endpoint: text("^https?://.+$", "https://, or http:// on 127.0.0.1 only", "https://api.hetzner.cloud/v1");
    PublicKey: text(
        r"^(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(256|384|521)|sk-ssh-ed25519@openssh\.com|sk-ecdsa-sha2-nistp256@openssh\.com) AAAA.*$",
        "the line of a .pub file",
        "ssh-ed25519 AAAA…"
    );
    AgeRecipient: text("^age1[02-9ac-hj-np-z]+$", "a public key of age's", "age1…");
    Country: text("^[A-Z]{2}$", "two capital letters (ISO 3166)", "DE");
    Port: json_schema!({ "type": "integer", "minimum": 1, "maximum": 65535 });
    ServicePort: json_schema!({ "type": "integer", "minimum": 1, "maximum": 65535, "not": { "const": 22 } });
    Status: json_schema!({ "type": "integer", "minimum": 100, "maximum": 599 });
    Natural: json_schema!({ "type": "integer", "minimum": 0, "maximum": 4_294_967_295_u32 });
    Times: json_schema!({ "type": "integer", "minimum": 0, "maximum": 65535 });
    Latitude: json_schema!({ "type": "number", "minimum": -90, "maximum": 90 });
    Longitude: json_schema!({ "type": "number", "minimum": -180, "maximum": 180 });
}
