//! `DokuWiki` through its XML-RPC interface; pictures go the way of its media manager.

use super::fingerprint::Record;
use super::prose::{self, Edit};
use super::xmlrpc::{self, Failure, Value};
use super::{Fingerprint, LANES, VisitError, Visitor, WriteSpec, Written, picture};
use reqwest::multipart::{Form, Part};
use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// A revision is known by the second it was saved in: two saves of a page within one
/// second would be one revision. A little more, for the two clocks' phases.
const BETWEEN_SAVES: Duration = Duration::from_millis(1050);
/// Deeper than any namespace; 0 would ask the search index instead of the pages.
const DEPTH: i64 = 99;
/// Where a version comes from, without an account, that the wiki made up.
const MADE_UP: &str = "127.0.0.1";

impl Visitor {
    /// Logs in, writes pages in many revisions and uploads one picture.
    ///
    /// A page takes one revision a second: many pages are written faster than few.
    pub async fn dokuwiki_write(
        &self,
        admin: &str,
        password: &str,
        spec: &WriteSpec,
    ) -> Result<Written, VisitError> {
        let start = Instant::now();
        self.dokuwiki_login(admin, password).await?;
        let mut lanes = JoinSet::new();
        for edits in prose::lanes(spec) {
            let (visitor, seed) = (self.clone(), spec.seed);
            lanes.spawn(async move { visitor.dokuwiki_save_all(seed, &edits).await });
        }
        let mut revisions = 0;
        while let Some(lane) = lanes.join_next().await {
            revisions += lane.map_err(|source| self.cut_short(source))??;
        }
        let upload_bytes = match spec.upload_bytes {
            0 => 0,
            bytes => self.dokuwiki_upload(spec.seed, bytes).await?,
        };
        Ok(Written {
            pages: spec.pages,
            revisions,
            upload_bytes,
            seconds: start.elapsed().as_secs_f64(),
        })
    }

    /// Reads every revision of every page and every media file, with an account since the
    /// interface answers nobody else.
    pub async fn dokuwiki_fingerprint(
        &self,
        admin: &str,
        password: &str,
    ) -> Result<Fingerprint, VisitError> {
        self.dokuwiki_login(admin, password).await?;
        let action = "list all pages";
        let depth = Value::Record(BTreeMap::from([("depth".into(), Value::Int(DEPTH))]));
        let pages = self
            .dokuwiki_names(action, "dokuwiki.getPagelist", depth.clone())
            .await?;
        let mut print = Fingerprint::default();
        let mut lanes = JoinSet::new();
        for some in pages.chunks(pages.len().div_ceil(LANES).max(1)) {
            let (visitor, some) = (self.clone(), some.to_vec());
            lanes.spawn(async move {
                let mut digests = Vec::new();
                for page in some {
                    let digest = visitor.dokuwiki_page_digest(&page).await?;
                    digests.push((page, digest));
                }
                Ok::<_, VisitError>(digests)
            });
        }
        while let Some(lane) = lanes.join_next().await {
            for (page, digest) in lane.map_err(|source| self.cut_short(source))?? {
                print.insert(format!("page {page}"), digest);
            }
        }

        let media = self
            .dokuwiki_names("list all media", "wiki.getAttachments", depth)
            .await?;
        for name in media {
            let path = format!("/lib/exe/fetch.php?media={name}");
            let (size, digest) = self.download(&path).await?;
            print.insert(
                format!("file {name}"),
                format!("sha256:{digest} bytes {size}"),
            );
        }
        Ok(print)
    }

    async fn dokuwiki_login(&self, user: &str, password: &str) -> Result<(), VisitError> {
        let action = "log in";
        let params = [Value::Text(user.into()), Value::Text(password.into())];
        match self
            .dokuwiki_call(action, "dokuwiki.login", &params)
            .await?
        {
            Value::Bool(true) | Value::Int(1) => Ok(()),
            _ => Err(self.refused(action, "name or password is wrong")),
        }
    }

    async fn dokuwiki_save_all(&self, seed: u64, edits: &[Edit]) -> Result<usize, VisitError> {
        let mut saved: HashMap<usize, Instant> = HashMap::new();
        for edit in edits {
            if let Some(last) = saved.get(&edit.page) {
                tokio::time::sleep_until((*last + BETWEEN_SAVES).into()).await;
            }
            let id = format!("log:{seed}_{}", edit.page + 1);
            let about = BTreeMap::from([
                ("sum".into(), Value::Text(format!("entry {}", edit.nth))),
                ("minor".into(), Value::Bool(false)),
            ]);
            let params = [
                Value::Text(id.clone()),
                Value::Text(prose::text(seed, *edit)),
                Value::Record(about),
            ];
            let action = format!("save {id}");
            match self.dokuwiki_call(&action, "wiki.putPage", &params).await? {
                Value::Bool(true) | Value::Int(1) => {}
                _ => return Err(self.refused(&action, "it did not say that it was saved")),
            }
            saved.insert(edit.page, Instant::now());
        }
        Ok(edits.len())
    }

    async fn dokuwiki_upload(&self, seed: u64, bytes: usize) -> Result<usize, VisitError> {
        let name = format!("picture_{seed}.png");
        let action = format!("upload {name}");
        let token = self.dokuwiki_token(&action).await?;
        let picture = picture::png(seed, bytes);
        let size = picture.len();
        let form = Form::new()
            .text("call", "mediaupload")
            .text("ns", "log")
            .text("mediaid", name.clone())
            .text("ow", "1")
            .text("sectok", token)
            .part("qqfile", Part::bytes(picture).file_name(name));
        let address = format!("{}/lib/exe/ajax.php", self.base);
        let body = self
            .text(&action, self.client.post(address).multipart(form))
            .await?;
        let answer: serde_json::Value =
            serde_json::from_str(&body).map_err(|_| self.answer(&action, "valid JSON"))?;
        if answer["success"] == true {
            Ok(size)
        } else {
            let words = answer["error"].as_str().unwrap_or("no reason given");
            Err(self.refused(&action, words))
        }
    }

    /// The token that forms carry, from the media manager's page.
    async fn dokuwiki_token(&self, action: &str) -> Result<String, VisitError> {
        let address = format!("{}/doku.php?id=start&do=media&ns=log", self.base);
        let page = self.text(action, self.client.get(address)).await?;
        page.split("name=\"sectok\" value=\"")
            .nth(1)
            .and_then(|rest| rest.split('"').next())
            .filter(|token| !token.is_empty())
            .map(ToOwned::to_owned)
            .ok_or_else(|| self.answer(action, "a form token"))
    }

    /// The ids in a list of pages or media.
    async fn dokuwiki_names(
        &self,
        action: &str,
        method: &str,
        options: Value,
    ) -> Result<Vec<String>, VisitError> {
        let params = [Value::Text(String::new()), options];
        let answer = self.dokuwiki_call(action, method, &params).await?;
        let missing = || self.answer(action, "a list of ids");
        answer
            .list()
            .ok_or_else(missing)?
            .iter()
            .map(|entry| {
                entry
                    .field("id")
                    .and_then(Value::text)
                    .map(ToOwned::to_owned)
            })
            .collect::<Option<_>>()
            .ok_or_else(missing)
    }

    async fn dokuwiki_page_digest(&self, page: &str) -> Result<String, VisitError> {
        let action = format!("read {page}");
        let versions = self.dokuwiki_versions(page).await?;
        let params = [Value::Text(page.into())];
        let answer = self.dokuwiki_call(&action, "wiki.getPage", &params).await?;
        let current = answer
            .text()
            .ok_or_else(|| self.answer(&action, "the page's text"))?;
        let mut record = Record::default();
        let newest = versions.keys().next_back().copied();
        for (version, about) in versions {
            let text = if Some(version) == newest {
                // Pages that came with the package have no copy of their newest version.
                current.to_owned()
            } else {
                let params = [Value::Text(page.into()), Value::Int(version)];
                let answer = self
                    .dokuwiki_call(&action, "wiki.getPageVersion", &params)
                    .await?;
                let text = answer.text().map(ToOwned::to_owned);
                text.ok_or_else(|| self.answer(&action, "an old version's text"))?
            };
            let at = jiff::Timestamp::from_second(version)
                .map_err(|_| self.answer(&action, "a version that is a time"))?;
            record.note(&at.to_string(), 0, &about, &text);
        }
        Ok(record.digest(current))
    }

    /// Every version of a page, with who and why. They come in pages of a length that the
    /// wiki chooses, so it is asked until nothing new comes.
    ///
    /// A page that was never saved in the wiki has none: some releases of `DokuWiki` make
    /// one up from the file's time, others do not, and both may be asked in one life of a
    /// site. Beside saved versions such a one counts, since it shows that the page's file
    /// or its time was changed behind the wiki's back.
    async fn dokuwiki_versions(&self, page: &str) -> Result<BTreeMap<i64, String>, VisitError> {
        let action = format!("list the versions of {page}");
        let mut versions = BTreeMap::new();
        let mut first = 0;
        let mut saved = false;
        loop {
            let params = [Value::Text(page.into()), Value::Int(first)];
            let answer = self
                .dokuwiki_call(&action, "wiki.getPageVersions", &params)
                .await?;
            let missing = || self.answer(&action, "a list of versions");
            let before = versions.len();
            for entry in answer.list().ok_or_else(missing)? {
                let version = entry.field("version").and_then(Value::int);
                let said = |name| entry.field(name).and_then(Value::text).unwrap_or_default();
                let about = format!("{} {}", said("user"), said("sum"));
                saved |= !(said("user").is_empty() && said("ip") == MADE_UP);
                versions.insert(version.ok_or_else(missing)?, about);
                first += 1;
            }
            if versions.len() == before {
                return Ok(if saved { versions } else { BTreeMap::new() });
            }
        }
    }

    async fn dokuwiki_call(
        &self,
        action: &str,
        method: &str,
        params: &[Value],
    ) -> Result<Value, VisitError> {
        let request = self
            .client
            .post(format!("{}/lib/exe/xmlrpc.php", self.base))
            .header("content-type", "text/xml")
            .body(xmlrpc::call(method, params));
        let body = self.text(action, request).await?;
        xmlrpc::answer(&body).map_err(|failure| match failure {
            Failure::Fault(words) => self.refused(action, words),
            Failure::Malformed(missing) => self.answer(action, missing),
        })
    }
}
