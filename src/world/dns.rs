//! Names: asked of, and changed at, the server that is responsible for them.
//!
//! RFC 2136 updates with TSIG (RFC 8945), over TCP (RFC 7766), straight to the
//! primary. Messages, signatures and their verification are hickory's; its client
//! is gone round because it throws away the response code of an answer that it
//! cannot verify, which is how a server says that it does not know our key.

use crate::model::desired::DnsAccount;
use crate::model::gap::{Gap, GapKind};
use crate::model::given::{Given, LABEL};
use crate::model::ids::HostName;
use crate::model::observed::SeenName;
use crate::model::operation::{Fault, FaultClass, Outcome, Receipt, Refusal};
use crate::model::secret::Secret;
use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hickory_proto::op::{Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::rdata::tsig::TsigAlgorithm;
use hickory_proto::rr::rdata::{A, AAAA, TXT};
use hickory_proto::rr::{DNSClass, Name, RData, Record, RecordType, TSigner};
use jiff::{SignedDuration, Timestamp};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// For one exchange, connecting included.
const WITHIN: Duration = Duration::from_secs(5);

/// How far our clock and the server's may be apart, in seconds (RFC 8945 §10).
const FUDGE: u16 = 300;

/// Names and their addresses.
#[async_trait]
pub trait Names: Send + Sync {
    /// What a name leads to by its authoritative server; to nothing only when that server says so.
    async fn lookup(&self, host: &HostName) -> Result<SeenName, Gap>;

    /// Writes down beside a name whom it is given to, in place of what was written there.
    async fn give(&self, host: &HostName, to: &Given, ttl: SignedDuration) -> Outcome;

    /// Makes `addr` the only address of a name, at one stroke.
    async fn point(&self, host: &HostName, addr: IpAddr, ttl: SignedDuration) -> Outcome;
}

/// Why an account cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DnsSetupError {
    /// Not base64.
    #[error("the TSIG key {key} is not base64")]
    Key {
        /// Its name.
        key: String,
    },
    /// Unknown, or too weak to use.
    #[error("TSIG algorithm {algorithm:?} is not supported, write for example \"hmac-sha256\"")]
    Algorithm {
        /// As written.
        algorithm: String,
    },
    /// Not a DNS name.
    #[error("{name:?} is not a DNS name")]
    Name {
        /// As written.
        name: String,
    },
}

/// A zone that is changed by RFC 2136.
pub struct UpdatableZone {
    server: SocketAddr,
    zone: Name,
    signer: TSigner,
}

impl std::fmt::Debug for UpdatableZone {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UpdatableZone")
            .field("server", &self.server)
            .field("zone", &self.zone)
            .finish_non_exhaustive()
    }
}

/// Why a message brought no usable answer.
#[derive(Debug, thiserror::Error)]
enum ExchangeError {
    /// Certainly nothing was asked.
    #[error("no connection to {server}: {source}")]
    NotSent {
        server: SocketAddr,
        source: std::io::Error,
    },
    /// Asked, no answer.
    #[error("{server} did not answer: {detail}")]
    NoAnswer { server: SocketAddr, detail: String },
}

impl UpdatableZone {
    /// The account's zone; `key` is the TSIG key in base64.
    pub fn new(account: &DnsAccount, key: &Secret) -> Result<Self, DnsSetupError> {
        let zone = fqdn(&account.zone)?;
        let key_name = fqdn(&account.key_name)?;
        let key = BASE64
            .decode(key.expose().trim_ascii())
            .map_err(|_| DnsSetupError::Key {
                key: account.key_name.clone(),
            })?;
        let unsupported = || DnsSetupError::Algorithm {
            algorithm: account.algorithm.clone(),
        };
        let algorithm = match account.algorithm.as_str() {
            "hmac-sha256" => TsigAlgorithm::HmacSha256,
            "hmac-sha384" => TsigAlgorithm::HmacSha384,
            "hmac-sha512" => TsigAlgorithm::HmacSha512,
            _ => return Err(unsupported()),
        };
        let signer = TSigner::new(key, algorithm, key_name, FUDGE).map_err(|_| unsupported())?;
        Ok(Self {
            server: account.server,
            zone,
            signer,
        })
    }

    async fn exchange(&self, request: &[u8]) -> Result<Vec<u8>, ExchangeError> {
        let server = self.server;
        let no_answer = |detail: String| ExchangeError::NoAnswer { server, detail };
        let mut stream = timeout(WITHIN, TcpStream::connect(server))
            .await
            .unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into()))
            .map_err(|source| ExchangeError::NotSent { server, source })?;
        let talk = async {
            let length = u16::try_from(request.len()).map_err(std::io::Error::other)?;
            // One write: some servers dislike a length that comes alone.
            let mut framed = length.to_be_bytes().to_vec();
            framed.extend_from_slice(request);
            stream.write_all(&framed).await?;
            let length = stream.read_u16().await?;
            let mut answer = vec![0; usize::from(length)];
            stream.read_exact(&mut answer).await?;
            Ok::<_, std::io::Error>(answer)
        };
        match timeout(WITHIN, talk).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(no_answer(error.to_string())),
            Err(_) => Err(no_answer("timed out".to_owned())),
        }
    }

    /// What the server has of one kind; nothing only when it says so.
    async fn records(&self, name: &Name, kind: RecordType) -> Result<Vec<Record>, GapReason> {
        let mut request = Message::query();
        request.metadata.recursion_desired = false;
        request.add_query(Query::query(name.clone(), kind));
        let bytes = request
            .to_vec()
            .map_err(|e| unreadable(format!("cannot ask: {e}")))?;
        let answer = self.exchange(&bytes).await;
        let answer = answer.map_err(|error| (GapKind::Unreachable, error.to_string()))?;
        let answer = Message::from_vec(&answer).map_err(|e| unreadable(e.to_string()))?;
        if answer.metadata.id != request.metadata.id || answer.queries != request.queries {
            return Err(unreadable("the answer belongs to another question"));
        }
        match answer.metadata.response_code {
            ResponseCode::NoError | ResponseCode::NXDomain => {}
            ResponseCode::ServFail => {
                return Err((GapKind::Unreachable, "the server failed".to_owned()));
            }
            code => return Err((GapKind::Denied, format!("the server says {code}"))),
        }
        if !answer.metadata.authoritative {
            let reason = "the server is not authoritative for it";
            return Err(unreadable(reason));
        }
        Ok(answer.answers)
    }

    /// Addresses of one family, each with its time to live.
    async fn addresses(
        &self,
        name: &Name,
        kind: RecordType,
    ) -> Result<Vec<(IpAddr, u32)>, GapReason> {
        let mut found = Vec::new();
        for record in &self.records(name, kind).await? {
            match &record.data {
                RData::A(A(address)) if kind == RecordType::A => {
                    found.push(((*address).into(), record.ttl));
                }
                RData::AAAA(AAAA(address)) if kind == RecordType::AAAA => {
                    found.push(((*address).into(), record.ttl));
                }
                // Where the alias leads is not this server's word.
                RData::CNAME(target) => {
                    return Err(unreadable(format!("it is an alias of {}", target.0)));
                }
                _ => {}
            }
        }
        Ok(found)
    }

    /// One signed message that replaces both address sets of a name, so that no
    /// old address of the other family stays.
    fn update(&self, name: &Name, addr: IpAddr, ttl: u32) -> Message {
        let mut message = self.replacing(name, &[RecordType::A, RecordType::AAAA]);
        let data = match addr {
            IpAddr::V4(address) => RData::A(A(address)),
            IpAddr::V6(address) => RData::AAAA(AAAA(address)),
        };
        message.add_authority(Record::from_rdata(name.clone(), ttl, data));
        message
    }

    /// An update that begins by deleting these sets of a name.
    fn replacing(&self, name: &Name, kinds: &[RecordType]) -> Message {
        let mut message = Message::query();
        message.metadata.op_code = OpCode::Update;
        message.metadata.recursion_desired = false;
        // RFC 2136 calls the sections zone, prerequisite, update; on the wire they
        // are the question, answer and authority sections.
        message.add_query(Query::query(self.zone.clone(), RecordType::SOA));
        for kind in kinds {
            let mut delete = Record::update0(name.clone(), 0, *kind);
            delete.dns_class = DNSClass::ANY;
            message.add_authority(delete);
        }
        message
    }

    /// One signed message that replaces what is written beside a name.
    fn gift(&self, beside: &Name, to: &Given, ttl: u32) -> Message {
        let mut message = self.replacing(beside, &[RecordType::TXT]);
        let data = RData::TXT(TXT::new(to.to_strings()));
        message.add_authority(Record::from_rdata(beside.clone(), ttl, data));
        message
    }

    fn in_zone(&self, host: &HostName, name: Result<Name, DnsSetupError>) -> Result<Name, Refusal> {
        let inside = name.ok().filter(|name| self.zone.zone_of(name));
        inside.ok_or_else(|| {
            let message = format!("{host} is not a name in the zone {}", self.zone);
            refusal("not_zone", message, FaultClass::NeedsHuman)
        })
    }

    /// Sends the update; `Ok` is the server's verified word.
    async fn send_update(&self, mut message: Message) -> Result<ResponseCode, UpdateFailure> {
        let now = u64::try_from(Timestamp::now().as_second()).unwrap_or(0);
        let bug = |e: hickory_proto::ProtoError| {
            UpdateFailure::Refused(refusal("encode", e.to_string(), FaultClass::Bug))
        };
        let verifier = message.finalize(&self.signer, now).map_err(bug)?;
        let bytes = message.to_vec().map_err(bug)?;
        let answer = self.exchange(&bytes).await.map_err(|error| match error {
            ExchangeError::NotSent { .. } => {
                UpdateFailure::Refused(refusal("unreachable", error.to_string(), FaultClass::Retry))
            }
            ExchangeError::NoAnswer { .. } => {
                UpdateFailure::Unclear(error.to_string(), FaultClass::Retry)
            }
        })?;
        let unclear = |why: String| UpdateFailure::Unclear(why, FaultClass::Retry);
        let read = Message::from_vec(&answer).map_err(|e| unclear(e.to_string()))?;
        let metadata = read.metadata;
        if metadata.id != message.metadata.id || metadata.message_type != MessageType::Response {
            return Err(unclear("the answer belongs to another request".to_owned()));
        }
        if verifier.is_some_and(|mut verifier| verifier.verify(&answer).is_ok()) {
            return Ok(metadata.response_code);
        }
        // RFC 8945 §5.3.2: a server that does not know our key cannot sign its refusal.
        Err(UpdateFailure::Unclear(
            format!(
                "{} answers {} without a valid signature: is the TSIG key right, and the clock?",
                self.server, metadata.response_code
            ),
            FaultClass::NeedsHuman,
        ))
    }
}

type GapReason = (GapKind, String);

/// What the answer to an update means.
fn said(code: ResponseCode, done: Outcome) -> Outcome {
    match code {
        ResponseCode::NoError => done,
        ResponseCode::ServFail => Outcome::Unknown(Fault {
            message: "the name server failed".to_owned(),
            class: FaultClass::Retry,
        }),
        code => Outcome::Refused(refusal(
            &format!("{code:?}").to_lowercase(),
            format!("the name server says {code}"),
            match code {
                ResponseCode::FormErr => FaultClass::Bug,
                _ => FaultClass::NeedsHuman,
            },
        )),
    }
}

fn seconds(ttl: SignedDuration) -> u32 {
    u32::try_from(ttl.as_secs().max(0)).unwrap_or(u32::MAX)
}

/// Where it stands whom a name was given to.
fn beside(host: &HostName) -> Result<Name, DnsSetupError> {
    fqdn(&format!("{LABEL}.{host}"))
}

/// What somebody wrote there; `None`: it is none of ours.
fn given(record: &Record) -> Option<Given> {
    let RData::TXT(text) = &record.data else {
        return None;
    };
    let strings = text.txt_data.iter();
    let strings: Vec<String> = strings
        .map(|string| String::from_utf8_lossy(string).into_owned())
        .collect();
    Given::parse(&strings)
}

fn unreadable(reason: impl Into<String>) -> GapReason {
    (GapKind::Unreadable, reason.into())
}

enum UpdateFailure {
    Refused(Refusal),
    Unclear(String, FaultClass),
}

fn refusal(code: &str, message: String, class: FaultClass) -> Refusal {
    Refusal {
        code: code.to_owned(),
        message,
        class,
    }
}

fn fqdn(text: &str) -> Result<Name, DnsSetupError> {
    let mut name = Name::from_ascii(text).map_err(|_| DnsSetupError::Name {
        name: text.to_owned(),
    })?;
    name.set_fqdn(true);
    Ok(name)
}

#[async_trait]
impl Names for UpdatableZone {
    async fn lookup(&self, host: &HostName) -> Result<SeenName, Gap> {
        let gap = |(kind, reason): GapReason| Gap::new(kind, format!("name {host}"), reason);
        let name = fqdn(host.as_str()).map_err(|e| gap(unreadable(e.to_string())))?;
        let mut found = self.addresses(&name, RecordType::A).await.map_err(gap)?;
        found.extend(self.addresses(&name, RecordType::AAAA).await.map_err(gap)?);
        found.sort_unstable();
        let beside = beside(host).map_err(|e| gap(unreadable(e.to_string())))?;
        let beside = self.records(&beside, RecordType::TXT).await.map_err(gap)?;
        Ok(SeenName {
            given: beside.iter().filter_map(given).collect(),
            ttl: found.iter().map(|(_, ttl)| *ttl).max(),
            addresses: found.into_iter().map(|(address, _)| address).collect(),
        })
    }

    async fn give(&self, host: &HostName, to: &Given, ttl: SignedDuration) -> Outcome {
        let beside = match self.in_zone(host, beside(host)) {
            Ok(beside) => beside,
            Err(outside) => return Outcome::Refused(outside),
        };
        let done = Outcome::Done(Receipt {
            provider_id: host.to_string(),
            address: None,
            port: None,
        });
        match self.send_update(self.gift(&beside, to, seconds(ttl))).await {
            Ok(code) => said(code, done),
            Err(UpdateFailure::Refused(refusal)) => Outcome::Refused(refusal),
            Err(UpdateFailure::Unclear(message, class)) => match self.lookup(host).await {
                Ok(now) if now.given == std::slice::from_ref(to) => done,
                _ => Outcome::Unknown(Fault { message, class }),
            },
        }
    }

    async fn point(&self, host: &HostName, addr: IpAddr, ttl: SignedDuration) -> Outcome {
        let name = match self.in_zone(host, fqdn(host.as_str())) {
            Ok(name) => name,
            Err(outside) => return Outcome::Refused(outside),
        };
        let ttl = seconds(ttl);
        let done = Outcome::Done(Receipt {
            provider_id: host.to_string(),
            address: Some(addr),
            port: None,
        });
        match self.send_update(self.update(&name, addr, ttl)).await {
            Ok(code) => said(code, done),
            Err(UpdateFailure::Refused(refusal)) => Outcome::Refused(refusal),
            // It may have been done: the name itself tells.
            Err(UpdateFailure::Unclear(message, class)) => match self.lookup(host).await {
                Ok(now) if now.leads_to(addr) && now.ttl == Some(ttl) => done,
                _ => Outcome::Unknown(Fault { message, class }),
            },
        }
    }
}
