//! Files that people have and that are no text, or no table: spreadsheets, archives, pages. Each is named, with what to do.

/// A kind of files that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OtherKind {
    /// Excel's, since 2007.
    Xlsx,
    /// Excel's and those of other old Office programs, before.
    Xls,
    /// LibreOffice's.
    Ods,
    /// Apple's.
    Numbers,
    /// A document for printers.
    Pdf,
    /// Any other archive.
    Zip,
    /// Bytes that gzip compressed.
    Gzip,
    /// Bytes that zstd compressed.
    Zstd,
    /// A web page.
    Html,
}

/// How files of these kinds begin. An archive without files begins with the last of its marks.
const BEGINNINGS: [(&[u8], OtherKind); 6] = [
    (b"PK\x03\x04", OtherKind::Zip),
    (b"PK\x05\x06", OtherKind::Zip),
    (b"\xd0\xcf\x11\xe0", OtherKind::Xls),
    (b"%PDF-", OtherKind::Pdf),
    (b"\x1f\x8b", OtherKind::Gzip),
    (b"\x28\xb5\x2f\xfd", OtherKind::Zstd),
];
/// Bytes at the beginning and at the end of an archive in which the names of its files are looked for.
const SEARCHED_BYTES: usize = 64 << 10;
/// What is in an archive that is a spreadsheet.
const IN_ARCHIVES: [(&[u8], OtherKind); 4] = [
    (b"xl/workbook.", OtherKind::Xlsx),
    (b"xl\\workbook.", OtherKind::Xlsx),
    (b"opendocument.spreadsheet", OtherKind::Ods),
    (b"Index/Document.iwa", OtherKind::Numbers),
];
/// The types under which such files are sent.
const TYPES: [(&str, OtherKind); 8] = [
    ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", OtherKind::Xlsx),
    ("application/vnd.ms-excel.sheet.macroenabled.12", OtherKind::Xlsx),
    ("application/vnd.ms-excel.sheet.binary.macroenabled.12", OtherKind::Xlsx),
    ("application/vnd.ms-excel", OtherKind::Xls),
    ("application/vnd.oasis.opendocument.spreadsheet", OtherKind::Ods),
    ("application/zip", OtherKind::Zip),
    ("application/x-zip-compressed", OtherKind::Zip),
    ("application/pdf", OtherKind::Pdf),
];
/// What the names of such files end in.
const EXTENSIONS: [(&str, OtherKind); 8] = [
    ("xlsx", OtherKind::Xlsx),
    ("xlsm", OtherKind::Xlsx),
    ("xlsb", OtherKind::Xlsx),
    ("xls", OtherKind::Xls),
    ("ods", OtherKind::Ods),
    ("numbers", OtherKind::Numbers),
    ("pdf", OtherKind::Pdf),
    ("zip", OtherKind::Zip),
];

impl OtherKind {
    /// Returns the kind of a file that is no text, if it is one of those that are known.
    pub fn of_bytes(bytes: &[u8]) -> Option<Self> {
        let (_, kind) = BEGINNINGS.iter().find(|(beginning, _)| bytes.starts_with(beginning))?;
        Some(if *kind == Self::Zip { Self::of_archive(bytes) } else { *kind })
    }

    /// Returns what an archive is, by the names of its files, which are at its beginning and at its end.
    fn of_archive(bytes: &[u8]) -> Self {
        let begin = bytes.get(..SEARCHED_BYTES).unwrap_or(bytes);
        let end = bytes.get(bytes.len().saturating_sub(SEARCHED_BYTES)..).unwrap_or_default();
        let has =
            |name: &[u8]| [begin, end].into_iter().any(|part| part.windows(name.len()).any(|found| found == name));
        IN_ARCHIVES.iter().find(|(name, _)| has(name)).map_or(Self::Zip, |(_, kind)| *kind)
    }

    /// Returns the kind of a text that is no table.
    pub(super) fn of_text(text: &str) -> Option<Self> {
        let text = text.trim_start();
        let begins = |with: &str| text.get(..with.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(with));
        (begins("<!doctype") || begins("<html")).then_some(Self::Html)
    }

    /// Returns the kind that a media type names, in lower case and without parameters.
    pub fn of_type(essence: &str) -> Option<Self> {
        TYPES.iter().find(|(name, _)| *name == essence).map(|(_, kind)| *kind)
    }

    /// Returns the kind that the last part of a file's name tells, in lower case.
    pub fn of_extension(extension: &str) -> Option<Self> {
        EXTENSIONS.iter().find(|(name, _)| *name == extension).map(|(_, kind)| *kind)
    }

    /// Says what such a file is: the end of a sentence.
    pub fn noun(self) -> &'static str {
        match self {
            Self::Xlsx => "an Excel workbook (.xlsx)",
            Self::Xls => "an Excel workbook or another old Office document (.xls)",
            Self::Ods => "an OpenDocument spreadsheet (.ods)",
            Self::Numbers => "a Numbers spreadsheet (.numbers)",
            Self::Pdf => "a PDF document",
            Self::Zip => "a ZIP archive",
            Self::Gzip => "compressed with gzip",
            Self::Zstd => "compressed with zstd",
            Self::Html => "a web page (HTML)",
        }
    }

    /// Says what to do: a sentence.
    pub fn cure(self) -> &'static str {
        match self {
            Self::Xlsx | Self::Xls => {
                "Open it in Excel, save it with 'Save As' and the type 'CSV UTF-8', and send the file that this makes."
            }
            Self::Ods => {
                "Open it in LibreOffice, save it with 'Save As' and the type 'Text CSV', with the character set Unicode (UTF-8), and send the file that this makes."
            }
            Self::Numbers => {
                "Open it in Numbers, choose 'Export To' and 'CSV', with the text encoding Unicode (UTF-8), and send the file that this makes."
            }
            Self::Pdf => {
                "A PDF has no rows: save the table as CSV UTF-8 in the program from which the PDF comes, and send that file."
            }
            Self::Zip => {
                "If it is a spreadsheet, open it and save it as CSV UTF-8; else unpack it, and send a file of it. A file that is compressed with gzip or zstd can be sent as it is."
            }
            Self::Gzip => "Send it with 'Content-Encoding: gzip'.",
            Self::Zstd => "Send it with 'Content-Encoding: zstd'.",
            Self::Html => "Send the table that it shows, as CSV.",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::OtherKind::{self, Gzip, Html, Numbers, Ods, Pdf, Xls, Xlsx, Zip, Zstd};

    #[test]
    fn files_are_known_by_how_they_begin() {
        let archive = |content: &str| [&b"PK\x03\x04\x14\0\0\0"[..], content.as_bytes()].concat();
        let long = |content: &str| [b"PK\x03\x04".repeat(30_000), content.as_bytes().to_vec()].concat();
        for (bytes, expected) in [
            (archive("[Content_Types].xml….PK_rels/.rels…PKxl/workbook.xml"), Some(Xlsx)),
            (long("xl/workbook.xml"), Some(Xlsx)),
            (archive("mimetypeapplication/vnd.oasis.opendocument.spreadsheetPK"), Some(Ods)),
            (long("Index/Document.iwa"), Some(Numbers)),
            (archive("people.csv"), Some(Zip)),
            (b"PK\x05\x06".to_vec(), Some(Zip)),
            (b"\xd0\xcf\x11\xe0\xa1".to_vec(), Some(Xls)),
            (b"%PDF-1.7".to_vec(), Some(Pdf)),
            (b"\x1f\x8b\x08".to_vec(), Some(Gzip)),
            (b"\x28\xb5\x2f\xfd".to_vec(), Some(Zstd)),
            (b"PK,email".to_vec(), None),
            (b"".to_vec(), None),
        ] {
            assert_eq!(OtherKind::of_bytes(&bytes), expected, "{:?}", bytes.get(..8));
        }
        assert_eq!((OtherKind::of_type("application/pdf"), OtherKind::of_type("text/csv")), (Some(Pdf), None));
        assert_eq!((OtherKind::of_text("\n <!DOCTYPE html>"), OtherKind::of_text("<htm")), (Some(Html), None));
        assert_eq!((OtherKind::of_extension("xlsb"), OtherKind::of_extension("csv")), (Some(Xlsx), None));
    }

    #[test]
    fn each_kind_has_a_cure() {
        for kind in [Xlsx, Xls, Ods, Numbers, Pdf, Zip, Gzip, Zstd, Html] {
            assert!(!kind.noun().ends_with('.') && kind.cure().ends_with('.'), "{kind:?}");
        }
    }
}
