//! The example prints what `tools/scripts/choice.vm` does.

#[path = "../examples/choice.rs"]
mod choice;

fn shown(state: &str, protection: &str) -> Result<String, String> {
    let mut out = Vec::new();
    let done = choice::show(state, protection, &mut out);
    done.map_err(|error| error.to_string())?;
    String::from_utf8(out).map_err(|error| error.to_string())
}

#[test]
fn a_choice_of_state_and_protection_is_printed_back() {
    assert_eq!(
        shown("MEM_COMMIT", "PAGE_READWRITE"),
        Ok("Protection type : READ/WRITE\nRegion State : Committed\n".into())
    );
    assert_eq!(
        shown("MEM_RESERVE", "PAGE_EXECUTE_READ"),
        Ok("Protection type : EXECUTE/READ\nRegion State : Reserved\n".into())
    );
    assert!(shown("MEM_RESET", "PAGE_READONLY").is_err());
    assert!(shown("MEM_COMMIT", "PAGE_WRITECOPY").is_err());
}
