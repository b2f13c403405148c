use super::*;

#[test]
fn slips_are_recognised_and_other_words_are_not() {
    let known = ["block_time", "retarget", "half_life", "pow", "pos"];
    for (given, expected) in [
        ("blok_time", Some("block_time")),
        ("block_tmie", Some("block_time")),
        ("Retarget", Some("retarget")),
        ("halflife", Some("half_life")),
        ("pwo", Some("pow")),
        ("interval", None),
        ("", None),
    ] {
        assert_eq!(nearest(given, known), expected, "{given}");
    }
    assert_eq!(nearest("pow", []), None);
}
