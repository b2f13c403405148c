use super::super::fake::{FakeNet, FakeRpc, names};
use super::super::supervise::start;
use super::*;

/// The usual place, with these devnets in it.
fn usual(nets: &[(&str, &FakeNet)]) -> tempfile::TempDir {
    let place = tempfile::tempdir().unwrap();
    for (name, net) in nets {
        std::os::unix::fs::symlink(net.directory.path(), place.path().join(name)).unwrap();
    }
    place
}

#[tokio::test]
async fn the_only_one_that_runs_is_meant_or_else_the_only_one_there_is() {
    let (one, other) = (FakeNet::new(1, ""), FakeNet::new(1, ""));
    let nowhere = Path::new("/nowhere/devnets");
    assert!(matches!(the_only(nowhere), Err(DevnetError::NoneFound(_))));
    let place = usual(&[("one", &one)]);
    assert_eq!(the_only(place.path()).unwrap(), real(&one));

    let place = usual(&[("one", &one), ("other", &other)]);
    std::fs::create_dir(place.path().join("something else")).unwrap();
    let error = the_only(place.path()).unwrap_err();
    assert_eq!(error.exit().code(), 8);
    assert!(error.to_string().starts_with("2 devnets are here, none of them running"), "{error}");

    let rpc = FakeRpc::default();
    start(&other.program, &other.directory, &other.nodes, &other.launches(), &rpc).await.unwrap();
    assert_eq!(the_only(place.path()).unwrap(), real(&other));
    start(&one.program, &one.directory, &one.nodes, &one.launches(), &rpc).await.unwrap();
    let error = the_only(place.path()).unwrap_err();
    assert!(error.to_string().starts_with("2 devnets are running"), "{error}");
    let help = error.help().unwrap();
    assert!(help.contains("--dir one ") && help.contains("--dir other "), "{help}");
}

fn real(net: &FakeNet) -> Directory {
    Directory::at(&fs::canonicalize(net.directory.path()).unwrap()).unwrap()
}

#[test]
fn a_devnet_elsewhere_leaves_a_link_that_goes_with_it() {
    let nets = [FakeNet::new(1, ""), FakeNet::new(1, ""), FakeNet::new(1, "")];
    let place = tempfile::tempdir().unwrap();
    let devnets = place.path().join("devnets");
    // All three directories are called `net`.
    for (net, name) in nets.iter().zip(["net", "net-2", "net-3"]) {
        assert_eq!(register(&devnets, &net.directory).unwrap(), name);
        assert_eq!(register(&devnets, &net.directory).unwrap(), name, "again");
    }
    let found = all(&devnets).unwrap();
    let expected: Vec<_> = nets.iter().map(real).collect();
    assert_eq!(found.into_iter().map(|one| one.directory).collect::<Vec<_>>(), expected);

    unregister(&devnets, &nets[1].directory).unwrap();
    assert_eq!(names(&devnets), ["net", "net-3"]);

    // A devnet that was removed by hand gives its name up.
    fs::remove_dir_all(nets[0].directory.path()).unwrap();
    assert_eq!(register(&devnets, &nets[1].directory).unwrap(), "net");
}

#[test]
fn a_devnet_in_the_usual_place_needs_no_link() {
    let net = FakeNet::new(1, "");
    let devnets = net.directory.path().parent().unwrap();
    assert_eq!(register(devnets, &net.directory).unwrap(), "net");
    unregister(devnets, &net.directory).unwrap();
    assert_eq!(the_only(devnets).unwrap(), real(&net));
}
