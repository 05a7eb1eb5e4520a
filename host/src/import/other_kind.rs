//! Files that are no text, known by how they begin.

/// A kind of files that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OtherKind {
    /// What such a file is.
    pub name: &'static str,
    /// What to do, in a sentence.
    pub cure: &'static str,
}

const SAVE: &str = "Save it as 'CSV UTF-8', and send that.";
const WORKBOOK: OtherKind = OtherKind { name: "an Excel workbook (.xlsx)", cure: SAVE };
const OLD_WORKBOOK: OtherKind =
    OtherKind { name: "an Excel workbook or another old Office document (.xls)", cure: SAVE };
const OPEN_DOCUMENT: OtherKind = OtherKind { name: "an OpenDocument spreadsheet (.ods)", cure: SAVE };
const ARCHIVE: OtherKind =
    OtherKind { name: "a ZIP archive, or a spreadsheet (.xlsx, .ods)", cure: "Send the table itself, as CSV." };
const PDF: OtherKind = OtherKind { name: "a PDF document", cure: "Send the table that it was made of, as CSV." };
const GZIP: OtherKind = OtherKind { name: "compressed with gzip", cure: "Send it with 'Content-Encoding: gzip'." };
const ZSTD: OtherKind = OtherKind { name: "compressed with zstd", cure: "Send it with 'Content-Encoding: zstd'." };
const WEB_PAGE: OtherKind = OtherKind { name: "a web page (HTML)", cure: "Send the table that it shows, as CSV." };

/// How files of these kinds begin.
const BEGINNINGS: [(&[u8], OtherKind); 5] = [
    (b"PK\x03\x04", ARCHIVE),
    (b"\xd0\xcf\x11\xe0", OLD_WORKBOOK),
    (b"%PDF-", PDF),
    (b"\x1f\x8b", GZIP),
    (b"\x28\xb5\x2f\xfd", ZSTD),
];
/// Bytes in which the first names of an archive's files are looked for.
const MAX_SEARCHED_BYTES: usize = 4 << 10;
/// What the beginning of an archive has if it is a spreadsheet.
const IN_ARCHIVES: [(&[u8], OtherKind); 3] = [
    (b"mimetypeapplication/vnd.oasis.opendocument.spreadsheet", OPEN_DOCUMENT),
    (b"xl/", WORKBOOK),
    (b"xl\\", WORKBOOK),
];
/// The types under which such files are sent.
const TYPES: [(&str, OtherKind); 8] = [
    ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", WORKBOOK),
    ("application/vnd.ms-excel.sheet.macroenabled.12", WORKBOOK),
    ("application/vnd.ms-excel.sheet.binary.macroenabled.12", WORKBOOK),
    ("application/vnd.ms-excel", WORKBOOK),
    ("application/vnd.oasis.opendocument.spreadsheet", OPEN_DOCUMENT),
    ("application/zip", ARCHIVE),
    ("application/x-zip-compressed", ARCHIVE),
    ("application/pdf", PDF),
];

impl OtherKind {
    /// Returns the kind of a file that is no text, if it is one of those that are known.
    pub fn of_bytes(bytes: &[u8]) -> Option<Self> {
        let (_, kind) = BEGINNINGS.iter().find(|(beginning, _)| bytes.starts_with(beginning))?;
        if *kind != ARCHIVE {
            return Some(*kind);
        }
        let searched = bytes.get(..MAX_SEARCHED_BYTES).unwrap_or(bytes);
        let has = |part: &[u8]| searched.windows(part.len()).any(|window| window == part);
        Some(IN_ARCHIVES.iter().find(|(part, _)| has(part)).map_or(*kind, |(_, kind)| *kind))
    }

    /// Returns the kind of a text that is no table.
    pub(super) fn of_text(text: &str) -> Option<Self> {
        let text = text.trim_start();
        let begins = |with: &str| text.get(..with.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(with));
        (begins("<!doctype") || begins("<html")).then_some(WEB_PAGE)
    }

    /// Returns the kind that a media type names, in lower case and without parameters.
    pub fn of_type(essence: &str) -> Option<Self> {
        TYPES.iter().find(|(name, _)| *name == essence).map(|(_, kind)| *kind)
    }
}

#[cfg(test)]
mod tests {
    use super::OtherKind;

    #[test]
    fn files_are_known_by_how_they_begin() {
        let archive = |content: &str| [&b"PK\x03\x04\x14\0\0\0"[..], content.as_bytes()].concat();
        for (bytes, part) in [
            (archive("[Content_Types].xml….PK_rels/.rels…PKxl/workbook.xml"), Some("Excel workbook (.xlsx)")),
            (archive("mimetypeapplication/vnd.oasis.opendocument.spreadsheetPK"), Some("(.ods)")),
            (archive("people.csv"), Some("a ZIP archive")),
            (b"\xd0\xcf\x11\xe0\xa1".to_vec(), Some("(.xls)")),
            (b"%PDF-1.7".to_vec(), Some("PDF")),
            (b"\x1f\x8b\x08".to_vec(), Some("gzip")),
            (b"\x28\xb5\x2f\xfd".to_vec(), Some("zstd")),
            (b"PK,email".to_vec(), None),
            (b"".to_vec(), None),
        ] {
            let kind = OtherKind::of_bytes(&bytes);
            assert_eq!(kind.is_some(), part.is_some(), "{bytes:?}");
            assert!(kind.is_none_or(|kind| kind.name.contains(part.unwrap_or_default())), "{kind:?}");
        }
        assert!(OtherKind::of_type("application/pdf").is_some() && OtherKind::of_type("text/csv").is_none());
        assert!(OtherKind::of_text("\n <!DOCTYPE html>").is_some() && OtherKind::of_text("<htm").is_none());
    }
}
