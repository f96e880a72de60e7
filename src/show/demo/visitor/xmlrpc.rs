//! XML-RPC, as far as `DokuWiki`'s remote interface needs it.
//!
//! Its newer JSON interface is missing in the version of Debian 12.

use std::collections::BTreeMap;
use std::fmt::Write as _;

/// A value that goes out or comes in.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    /// `string`, `base64`, `dateTime.iso8601` and untyped values, as text.
    Text(String),
    /// `int`, `i4`.
    Int(i64),
    /// `boolean`.
    Bool(bool),
    /// `array`.
    List(Vec<Value>),
    /// `struct`.
    Record(BTreeMap<String, Value>),
}

/// What came back instead of a value.
#[derive(Debug, PartialEq)]
pub(super) enum Failure {
    /// The server's `fault`, in its words.
    Fault(String),
    /// Not an XML-RPC answer; what is missing in it.
    Malformed(&'static str),
}

impl Value {
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn int(&self) -> Option<i64> {
        match self {
            Self::Int(number) => Some(*number),
            _ => None,
        }
    }

    pub(super) fn list(&self) -> Option<&[Self]> {
        match self {
            Self::List(values) => Some(values),
            _ => None,
        }
    }

    pub(super) fn field(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Record(fields) => fields.get(name),
            _ => None,
        }
    }

    fn write(&self, out: &mut String) {
        out.push_str("<value>");
        match self {
            Self::Text(text) => {
                out.push_str("<string>");
                escape(out, text);
                out.push_str("</string>");
            }
            Self::Int(number) => {
                let _ = write!(out, "<int>{number}</int>");
            }
            Self::Bool(flag) => {
                let _ = write!(out, "<boolean>{}</boolean>", u8::from(*flag));
            }
            Self::List(values) => {
                out.push_str("<array><data>");
                for value in values {
                    value.write(out);
                }
                out.push_str("</data></array>");
            }
            Self::Record(fields) => {
                out.push_str("<struct>");
                for (name, value) in fields {
                    out.push_str("<member><name>");
                    escape(out, name);
                    out.push_str("</name>");
                    value.write(out);
                    out.push_str("</member>");
                }
                out.push_str("</struct>");
            }
        }
        out.push_str("</value>");
    }
}

fn escape(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            // A bare carriage return would be read as a line feed.
            '\r' => out.push_str("&#13;"),
            c => out.push(c),
        }
    }
}

/// The body of a call.
pub(super) fn call(method: &str, params: &[Value]) -> String {
    let mut body = String::from("<?xml version=\"1.0\"?><methodCall><methodName>");
    escape(&mut body, method);
    body.push_str("</methodName><params>");
    for value in params {
        body.push_str("<param>");
        value.write(&mut body);
        body.push_str("</param>");
    }
    body.push_str("</params></methodCall>");
    body
}

/// The value in an answer's body.
pub(super) fn answer(body: &str) -> Result<Value, Failure> {
    let document = roxmltree::Document::parse(body.trim_start())
        .map_err(|_| Failure::Malformed("well-formed XML"))?;
    let root = document.root_element();
    let value = root
        .descendants()
        .find(|node| node.has_tag_name("value"))
        .ok_or(Failure::Malformed("a value"))?;
    let value = read(value).ok_or(Failure::Malformed("a known type"))?;
    if root.descendants().any(|node| node.has_tag_name("fault")) {
        let words = value.field("faultString").and_then(Value::text);
        return Err(Failure::Fault(
            words.unwrap_or("no reason given").to_owned(),
        ));
    }
    Ok(value)
}

fn read(value: roxmltree::Node<'_, '_>) -> Option<Value> {
    let Some(typed) = value.children().find(roxmltree::Node::is_element) else {
        return Some(Value::Text(value.text().unwrap_or_default().to_owned()));
    };
    let text = typed.text().unwrap_or_default();
    match typed.tag_name().name() {
        "string" | "base64" | "dateTime.iso8601" | "double" => Some(Value::Text(text.to_owned())),
        "int" | "i4" => text.trim().parse().ok().map(Value::Int),
        "boolean" => Some(Value::Bool(text.trim() == "1")),
        "array" => typed
            .descendants()
            .find(|node| node.has_tag_name("data"))?
            .children()
            .filter(|node| node.has_tag_name("value"))
            .map(read)
            .collect::<Option<_>>()
            .map(Value::List),
        "struct" => typed
            .children()
            .filter(|node| node.has_tag_name("member"))
            .map(|member| {
                let part = |tag| member.children().find(|node| node.has_tag_name(tag));
                let name = part("name")?.text().unwrap_or_default().to_owned();
                Some((name, read(part("value")?)?))
            })
            .collect::<Option<_>>()
            .map(Value::Record),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_can_be_read() {
        let value = Value::List(vec![
            Value::Text("a <b> & \"c\"\r\n  d".into()),
            Value::Int(-7),
            Value::Bool(true),
            Value::Record(BTreeMap::from([("n".into(), Value::List(Vec::new()))])),
        ]);
        let body = call("m", std::slice::from_ref(&value)).replace("methodCall", "methodResponse");
        assert_eq!(answer(&body), Ok(value));
    }

    #[test]
    fn a_fault_is_not_a_value() {
        let body = "<methodResponse><fault><value><struct><member><name>faultCode</name>\
            <value><int>111</int></value></member><member><name>faultString</name>\
            <value>not allowed</value></member></struct></value></fault></methodResponse>";
        assert_eq!(answer(body), Err(Failure::Fault("not allowed".into())));
        assert_eq!(answer("<html>"), Err(Failure::Malformed("well-formed XML")));
    }
}
