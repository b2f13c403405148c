use super::*;

#[test]
fn the_modifier_is_pinned() {
    // Computed apart, from the formula in the module.
    let (chain, modifier, kernel) = (GenesisId(Hash([1; 32])), Hash([2; 32]), Hash([3; 32]));
    let pinned = "5884860a570a9ff8354117d512c11e9cf4cf503b373a3ec467b06a6bdd724b79";
    assert_eq!(next(&chain, &modifier, &kernel).to_string(), pinned);
}

#[test]
fn the_order_of_what_it_is_made_of_matters() {
    let (chain, one, other) = (GenesisId::default(), Hash([1; 32]), Hash([2; 32]));
    assert_ne!(next(&chain, &one, &other), next(&chain, &other, &one));
}
