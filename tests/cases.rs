//! Runs every case folder: a command, its input files, and exactly what it prints.

#[test]
fn cases_print_what_they_should() {
    trycmd::TestCases::new().env("LANG", "C.UTF-8").case("tests/cases/*/*/cmd.toml");
}
