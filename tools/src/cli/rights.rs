use mmu_core::Rights;

/// The rights as letters: user or supervisor, then read, write, execute.
pub(super) fn rights_text(rights: Rights) -> String {
    let owner = if rights.contains(Rights::USER) {
        'u'
    } else {
        's'
    };
    let write = if rights.contains(Rights::WRITE) {
        'w'
    } else {
        '-'
    };
    let execute = if rights.contains(Rights::EXECUTE) {
        'x'
    } else {
        '-'
    };
    format!("{owner}r{write}{execute}")
}
