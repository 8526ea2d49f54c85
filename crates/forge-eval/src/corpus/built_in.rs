//! The compiled-in documents. A test compares the list with the folder.

/// Each document by its id.
macro_rules! files {
    ($($id:literal)*) => {
        &[$((concat!("corpus/", $id, ".md"), include_str!(concat!("../../corpus/", $id, ".md")))),*]
    };
}

/// Their names and texts, in the order of the names.
pub(super) const FILES: &[(&str, &str)] = files! {
    "design-print-spooler"
};
