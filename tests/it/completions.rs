//! What completes commands and options in a shell.

use std::process::Command;

use bulkhead_tests::run;

#[test]
fn each_shell_gets_a_script_with_commands_and_options() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = run(["completions", shell]).expect(0).stdout;
        for word in ["serve", "tenant", "admin-token-file", "doctor"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
        for hidden in ["compile-component", "clock-offset-file"] {
            assert!(!script.contains(hidden), "{shell}: {hidden}");
        }
    }
    let refused = run(["completions", "tcsh"]).expect(2).stderr;
    assert!(refused.contains("possible values: bash"), "{refused}");
}

#[test]
fn bash_completes_what_was_begun() {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let script = folder.path().join("completions");
    std::fs::write(&script, run(["completions", "bash"]).expect(0).stdout).expect("a file can be written");
    for (words, expected) in [
        (&["bulkhead", "bac"][..], "backup"),
        (&["bulkhead", "tenant", "rollb"], "rollback"),
        (&["bulkhead", "serve", "--trusted-"], "--trusted-proxy"),
        (&["bulkhead", "serve", "--log-format", "js"], "json"),
        (&["bulkhead", "compil"], ""),
    ] {
        let complete = "source \"$1\"; shift; COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); \
                        _bulkhead bulkhead \"${COMP_WORDS[COMP_CWORD]}\" \"${COMP_WORDS[COMP_CWORD-1]}\"; echo \"${COMPREPLY[@]}\"";
        let output = Command::new("bash").args(["-c", complete, "bash"]).arg(&script).args(words).output();
        let output = output.expect("there is bash");
        assert_eq!(
            String::from_utf8_lossy(&output.stdout).trim(),
            expected,
            "{words:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}
