//! Lists: paging, sorting, and the query parameters they share.
//!
//! Hetzner Cloud reference, "Pagination" and "Sorting".

use super::errors::ApiError;
use super::selector::Selector;
use axum::http::{HeaderMap, HeaderValue, Uri, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use std::cmp::Ordering;

const DEFAULT_PER_PAGE: usize = 25;
const MAX_PER_PAGE: usize = 50;

/// The query of a list request, with where it was asked (for the `Link` header).
#[derive(Debug)]
pub struct ListQuery {
    pairs: Vec<(String, String)>,
    path: String,
    host: String,
}

/// A field that a list can be sorted by.
pub type SortField<T> = (&'static str, fn(&T, &T) -> Ordering);

impl ListQuery {
    /// From a request's decoded query, address and headers.
    pub fn new(pairs: Vec<(String, String)>, uri: &Uri, headers: &HeaderMap) -> Self {
        let host = headers
            .get(header::HOST)
            .and_then(|host| host.to_str().ok())
            .unwrap_or("localhost");
        Self {
            pairs,
            path: uri.path().to_owned(),
            host: host.to_owned(),
        }
    }

    /// First value of a parameter.
    pub fn one(&self, name: &str) -> Option<&str> {
        let pair = self.pairs.iter().find(|(k, _)| k == name)?;
        Some(&pair.1)
    }

    /// All values of a parameter that can be given several times.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.pairs
            .iter()
            .filter(move |(k, _)| k == name)
            .map(|(_, v)| v.as_str())
    }

    /// True when the parameter is absent or one of its values is `value`.
    pub fn admits(&self, name: &str, value: &str) -> bool {
        self.one(name).is_none() || self.all(name).any(|v| v == value)
    }

    /// The `label_selector`; without one everything is selected.
    pub fn selector(&self) -> Result<Selector, ApiError> {
        let text = self.one("label_selector").unwrap_or_default();
        Selector::parse(text).map_err(|e| ApiError::invalid_field("label_selector", e.to_string()))
    }

    /// All ids given; one that is no number is refused.
    pub fn ids(&self) -> Result<Vec<i64>, ApiError> {
        self.all("id")
            .map(|id| {
                id.parse()
                    .map_err(|_| ApiError::invalid_field("id", "is not a number"))
            })
            .collect()
    }

    /// Sorts by the `sort` parameters, the first being the most significant.
    pub fn sort<T>(&self, items: &mut [T], fields: &[SortField<T>]) -> Result<(), ApiError> {
        let mut order = Vec::new();
        for wanted in self.all("sort") {
            let (name, direction) = wanted.split_once(':').unwrap_or((wanted, "asc"));
            let field = fields.iter().find(|(field, _)| *field == name);
            let (Some((_, compare)), "asc" | "desc") = (field, direction) else {
                let message = format!("cannot sort by {wanted:?}");
                return Err(ApiError::invalid_field("sort", message));
            };
            order.push((compare, direction == "desc"));
        }
        items.sort_by(|a, b| {
            order
                .iter()
                .map(|(compare, descending)| {
                    let ordering = compare(a, b);
                    if *descending {
                        ordering.reverse()
                    } else {
                        ordering
                    }
                })
                .find(|ordering| ordering.is_ne())
                .unwrap_or(Ordering::Equal)
        });
        Ok(())
    }

    /// The page asked for, out of `items`.
    pub fn page<T>(&self, items: Vec<T>) -> Result<Page<T>, ApiError> {
        let page = self.positive("page")?.unwrap_or(1);
        // More than 50 are not given, whatever was asked.
        let per_page = self
            .positive("per_page")?
            .unwrap_or(DEFAULT_PER_PAGE)
            .min(MAX_PER_PAGE);
        let total = items.len();
        let items = items
            .into_iter()
            .skip((page - 1).saturating_mul(per_page))
            .take(per_page)
            .collect();
        Ok(Page {
            items,
            number: page,
            size: per_page,
            total,
        })
    }

    fn positive(&self, name: &str) -> Result<Option<usize>, ApiError> {
        match self.one(name).map(str::parse) {
            None => Ok(None),
            Some(Ok(n)) if n > 0 => Ok(Some(n)),
            Some(_) => Err(ApiError::invalid_field(name, "must be a positive number")),
        }
    }

    /// `<http://…?page=2&…>; rel="next"` for every neighbour there is.
    fn links<T>(&self, page: &Page<T>) -> String {
        let neighbours = [
            ("prev", page.previous()),
            ("next", page.next()),
            ("last", Some(page.last())),
        ];
        let links = neighbours.into_iter().filter_map(|(rel, number)| {
            let number = number?;
            Some(format!(
                "<http://{}{}?page={number}&per_page={}>; rel=\"{rel}\"",
                self.host, self.path, page.size
            ))
        });
        links.collect::<Vec<_>>().join(", ")
    }

    /// `{"servers": […], "meta": {…}}` with its `Link` header.
    pub fn answer(&self, name: &str, page: &Page<Value>) -> Response {
        let links = self.links(page);
        let meta = page.meta();
        let body = json!({name: page.items, "meta": meta});
        let mut response = axum::Json(body).into_response();
        if let Ok(links) = HeaderValue::from_str(&links) {
            response.headers_mut().insert(header::LINK, links);
        }
        response
    }
}

/// One page of a list.
#[derive(Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// What is on it.
    pub items: Vec<T>,
    number: usize,
    size: usize,
    total: usize,
}

impl<T> Page<T> {
    fn last(&self) -> usize {
        self.total.div_ceil(self.size).max(1)
    }

    fn next(&self) -> Option<usize> {
        (self.number < self.last()).then_some(self.number + 1)
    }

    fn previous(&self) -> Option<usize> {
        (self.number > 1).then(|| self.number - 1)
    }

    /// The same page, its items shown differently.
    pub fn with_items<U>(&self, items: Vec<U>) -> Page<U> {
        Page {
            items,
            number: self.number,
            size: self.size,
            total: self.total,
        }
    }

    fn meta(&self) -> Value {
        json!({"pagination": {
            "page": self.number,
            "per_page": self.size,
            "previous_page": self.previous(),
            "next_page": self.next(),
            "last_page": self.last(),
            "total_entries": self.total,
        }})
    }
}
