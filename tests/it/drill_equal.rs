//! What came back is compared with what the point promised.

use holdfast::decide::drill::differences;
use holdfast::model::ids::ServiceName;
use holdfast::model::machine::Digest;
use holdfast::model::point::{FilesContent, ServiceContent};
use holdfast::model::units::Bytes;
use std::collections::BTreeMap;

#[test]
fn what_an_older_point_does_not_tell_makes_no_difference() {
    let content = |digest: &str, metadata: Option<&str>| {
        let files = FilesContent {
            count: 2,
            bytes: Bytes(44),
            digest: Digest(digest.into()),
            metadata: metadata.map(|told| Digest(told.into())),
            changing: false,
        };
        let service = ServiceContent {
            files: BTreeMap::from([("/srv/notes".to_owned(), files)]),
            ..ServiceContent::default()
        };
        BTreeMap::from([(ServiceName::new("notes"), service)])
    };
    for (wanted, found, equal) in [
        (content("a", None), content("a", Some("m")), true),
        (content("a", Some("m")), content("a", Some("m")), true),
        (content("a", Some("m")), content("a", Some("n")), false),
        (content("a", None), content("b", None), false),
    ] {
        assert_eq!(
            differences(&wanted, &found).is_empty(),
            equal,
            "{wanted:?} {found:?}"
        );
    }
}
