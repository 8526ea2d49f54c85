//! The compiled-in documents. A test compares the list with the folder.

/// Each document by its id.
macro_rules! files {
    ($($id:literal)*) => {
        &[$((concat!("corpus/", $id, ".md"), include_str!(concat!("../../corpus/", $id, ".md")))),*]
    };
}

/// Their names and texts, in the order of the names.
pub(super) const FILES: &[(&str, &str)] = files! {
    "code-conn-pool"
    "code-csv-import"
    "code-file-upload"
    "code-invoice-ranges"
    "code-job-scheduler"
    "code-ledger-postings"
    "code-log-rotation"
    "code-lru-expiry"
    "code-retrying-client"
    "code-session-tokens"
    "design-battery-telemetry"
    "design-catalogue-cache"
    "design-log-sampling"
    "design-mobile-push"
    "design-print-spooler"
    "design-search-rebuild"
    "design-secrets-rotation"
    "design-ticket-holds"
    "diff-cursor-pages"
    "diff-deploy-script"
    "diff-export-data"
    "diff-phone-backfill"
    "diff-rate-cache"
    "diff-retry-wrapper"
    "diff-worker-drain"
    "doc-broker-upgrade"
    "doc-cli-certs"
    "doc-cli-migrate"
    "doc-cli-queue-quickstart"
    "doc-proxy-settings"
    "doc-restore-runbook"
    "doc-schedule-api"
    "spec-append-log"
    "spec-billing-calendar"
    "spec-data-retention"
    "spec-folder-permissions"
    "spec-idempotency-keys"
    "spec-payment-webhook"
    "spec-sensor-message"
    "spec-token-bucket"
};
