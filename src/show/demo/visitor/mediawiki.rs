//! `MediaWiki` through its action API (`api.php`), as its apps and bots use it.

use super::fingerprint::Record;
use super::prose::{self, Edit};
use super::{Fingerprint, VisitError, Visitor, WriteSpec, Written, picture};
use reqwest::multipart::{Form, Part};
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Instant;
use tokio::task::JoinSet;

/// How many pages or revisions with their text one query may name (API, limits).
const BATCH: usize = 50;

impl Visitor {
    /// Logs in, writes pages in many revisions and uploads one picture.
    pub async fn mediawiki_write(
        &self,
        admin: &str,
        password: &str,
        spec: &WriteSpec,
    ) -> Result<Written, VisitError> {
        let start = Instant::now();
        let token = self.mediawiki_login(admin, password).await?;
        let mut lanes = JoinSet::new();
        for edits in prose::lanes(spec) {
            let (visitor, token, seed) = (self.clone(), token.clone(), spec.seed);
            lanes.spawn(async move {
                let mut saved = 0;
                for edit in edits {
                    saved += usize::from(visitor.mediawiki_save(&token, seed, edit).await?);
                }
                Ok::<_, VisitError>(saved)
            });
        }
        let mut revisions = 0;
        while let Some(lane) = lanes.join_next().await {
            revisions += lane.map_err(|source| self.cut_short(source))??;
        }
        let upload_bytes = match spec.upload_bytes {
            0 => 0,
            bytes => self.mediawiki_upload(&token, spec.seed, bytes).await?,
        };
        Ok(Written {
            pages: spec.pages,
            revisions,
            upload_bytes,
            seconds: start.elapsed().as_secs_f64(),
        })
    }

    /// Reads every revision of every page and every uploaded file, as any reader may.
    pub async fn mediawiki_fingerprint(&self) -> Result<Fingerprint, VisitError> {
        let mut pages: BTreeMap<u64, (String, Record)> = BTreeMap::new();
        let action = "list all revisions";
        self.mediawiki_each(
            action,
            &[
                ("list", "allrevisions"),
                ("arvprop", "ids|timestamp|user|comment|content"),
                ("arvslots", "main"),
                ("arvdir", "newer"),
                ("arvlimit", "max"),
            ],
            |query| {
                for page in items(query, "allrevisions") {
                    let id = page["pageid"].as_u64().ok_or("a page id")?;
                    let entry = pages.entry(id).or_default();
                    page["title"]
                        .as_str()
                        .ok_or("a title")?
                        .clone_into(&mut entry.0);
                    for revision in items(page, "revisions") {
                        let text = content(revision)?;
                        let at = revision["timestamp"].as_str().ok_or("a timestamp")?;
                        let number = revision["revid"].as_u64().ok_or("a revision id")?;
                        let about = format!("{} {}", revision["user"], revision["comment"]);
                        entry.1.note(at, number, &about, text);
                    }
                }
                Ok(())
            },
        )
        .await?;

        let mut print = Fingerprint::default();
        let ids: Vec<String> = pages.keys().map(ToString::to_string).collect();
        for some in ids.chunks(BATCH) {
            let wanted = some.join("|");
            self.mediawiki_each(
                "read the pages",
                &[
                    ("pageids", wanted.as_str()),
                    ("prop", "revisions"),
                    ("rvprop", "content"),
                    ("rvslots", "main"),
                ],
                |query| {
                    for page in items(query, "pages") {
                        let id = page["pageid"].as_u64().ok_or("a page id")?;
                        for revision in items(page, "revisions") {
                            let (title, record) = pages.get(&id).ok_or("a page asked for")?;
                            let digest = record.digest(content(revision)?);
                            print.insert(format!("page {title}"), digest);
                        }
                    }
                    Ok(())
                },
            )
            .await?;
        }
        if print.len() != pages.len() {
            return Err(self.answer("read the pages", "the current text of every page"));
        }

        for (name, path) in self.mediawiki_files().await? {
            let (size, digest) = self.download(&path).await?;
            print.insert(
                format!("file {name}"),
                format!("sha256:{digest} bytes {size}"),
            );
        }
        Ok(print)
    }

    /// Names of the uploaded files and where on the site they are.
    async fn mediawiki_files(&self) -> Result<Vec<(String, String)>, VisitError> {
        let mut files = Vec::new();
        self.mediawiki_each(
            "list all files",
            &[("list", "allimages"), ("aiprop", "url"), ("ailimit", "max")],
            |query| {
                for file in items(query, "allimages") {
                    let name = file["name"].as_str().ok_or("a name")?;
                    let url = file["url"].as_str().ok_or("an address")?;
                    let path = reqwest::Url::parse(url).map_err(|_| "an address")?;
                    files.push((name.to_owned(), path.path().to_owned()));
                }
                Ok(())
            },
        )
        .await?;
        Ok(files)
    }

    /// Logs in and returns the token that changes need.
    async fn mediawiki_login(&self, user: &str, password: &str) -> Result<String, VisitError> {
        let action = "log in";
        let token = self.mediawiki_token("login").await?;
        let back = format!("{}/", self.base);
        let answer = self
            .mediawiki_post(
                action,
                &[
                    ("action", "clientlogin"),
                    ("username", user),
                    ("password", password),
                    ("loginreturnurl", &back),
                    ("logintoken", &token),
                ],
            )
            .await?;
        match answer["clientlogin"]["status"].as_str() {
            Some("PASS") => self.mediawiki_token("csrf").await,
            Some(status) => {
                let words = answer["clientlogin"]["message"].as_str().unwrap_or(status);
                Err(self.refused(action, words))
            }
            None => Err(self.answer(action, "a status")),
        }
    }

    async fn mediawiki_token(&self, kind: &str) -> Result<String, VisitError> {
        let action = format!("get a {kind} token");
        let params = [("action", "query"), ("meta", "tokens"), ("type", kind)];
        let answer = self.mediawiki_post(&action, &params).await?;
        answer["query"]["tokens"][format!("{kind}token")]
            .as_str()
            .map(ToOwned::to_owned)
            .ok_or_else(|| self.answer(&action, "a token"))
    }

    /// Saves a page; false if the wiki found the text unchanged.
    async fn mediawiki_save(&self, token: &str, seed: u64, edit: Edit) -> Result<bool, VisitError> {
        let title = format!("Log {seed}-{}", edit.page + 1);
        let text = prose::text(seed, edit);
        let summary = format!("entry {}", edit.nth);
        let action = format!("save {title}");
        let answer = self
            .mediawiki_post(
                &action,
                &[
                    ("action", "edit"),
                    ("title", &title),
                    ("text", &text),
                    ("summary", &summary),
                    ("assert", "user"),
                    ("token", token),
                ],
            )
            .await?;
        match answer["edit"]["result"].as_str() {
            Some("Success") => Ok(answer["edit"]["newrevid"].is_u64()),
            other => Err(self.refused(&action, other.unwrap_or("no result"))),
        }
    }

    async fn mediawiki_upload(
        &self,
        token: &str,
        seed: u64,
        bytes: usize,
    ) -> Result<usize, VisitError> {
        let name = format!("Picture {seed}.png");
        let action = format!("upload {name}");
        let picture = picture::png(seed, bytes);
        let size = picture.len();
        let form = Form::new()
            .text("action", "upload")
            .text("format", "json")
            .text("formatversion", "2")
            .text("filename", name.clone())
            .text("comment", "a picture of noise")
            .text("ignorewarnings", "1")
            .text("assert", "user")
            .text("token", token.to_owned())
            .part("file", Part::bytes(picture).file_name(name));
        let request = self.client.post(self.api()).multipart(form);
        let answer = self.mediawiki_answer(&action, request).await?;
        match answer["upload"]["result"].as_str() {
            Some("Success") => Ok(size),
            other => Err(self.refused(&action, other.unwrap_or("no result"))),
        }
    }

    /// Asks a query and follows its continuations; `take` says what it misses, if it does.
    async fn mediawiki_each(
        &self,
        action: &str,
        params: &[(&str, &str)],
        mut take: impl FnMut(&Value) -> Result<(), &'static str>,
    ) -> Result<(), VisitError> {
        let mut more: Vec<(String, String)> = Vec::new();
        loop {
            let mut all = vec![("action", "query")];
            all.extend_from_slice(params);
            all.extend(more.iter().map(|(k, v)| (k.as_str(), v.as_str())));
            let answer = self.mediawiki_post(action, &all).await?;
            take(&answer["query"]).map_err(|missing| self.answer(action, missing))?;
            let Some(next) = answer["continue"].as_object() else {
                return Ok(());
            };
            more = next
                .iter()
                .map(|(key, value)| {
                    let text = value
                        .as_str()
                        .map_or_else(|| value.to_string(), String::from);
                    (key.clone(), text)
                })
                .collect();
        }
    }

    async fn mediawiki_post(
        &self,
        action: &str,
        params: &[(&str, &str)],
    ) -> Result<Value, VisitError> {
        let request = self
            .client
            .post(self.api())
            .query(&[("format", "json"), ("formatversion", "2")])
            .form(params);
        self.mediawiki_answer(action, request).await
    }

    async fn mediawiki_answer(
        &self,
        action: &str,
        request: reqwest::RequestBuilder,
    ) -> Result<Value, VisitError> {
        let body = self.text(action, request).await?;
        let answer: Value =
            serde_json::from_str(&body).map_err(|_| self.answer(action, "valid JSON"))?;
        match answer["error"]["info"].as_str() {
            Some(words) => Err(self.refused(action, words)),
            None => Ok(answer),
        }
    }

    fn api(&self) -> String {
        format!("{}/api.php", self.base)
    }
}

/// The members of an array; none where there is no array.
fn items<'a>(value: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    value[name].as_array().into_iter().flatten()
}

fn content(revision: &Value) -> Result<&str, &'static str> {
    revision["slots"]["main"]["content"]
        .as_str()
        .ok_or("a revision's text")
}
