use super::*;
use crate::sim::random::Dice;
use crate::store::MemStore;

/// Batches at random, over few keys.
fn batch(dice: &mut Dice) -> Batch {
    let mut batch = Batch::default();
    for _ in 0..dice.below(6) {
        let table = Table::ALL[dice.index(4)];
        let key = vec![dice.below(3) as u8; dice.index(3)];
        match dice.below(3) {
            0 => batch.delete(table, key),
            _ => batch.put(table, key, vec![dice.below(4) as u8; dice.index(3)]),
        }
    }
    batch
}

/// Three disks of one library and a store that shares nothing go through the same, in part at different times: what they
/// hold is the same, through syncs and crashes.
#[test]
fn a_disk_that_shares_is_like_one_that_does_not() {
    let mut dice = Dice::new(5, "disks");
    let library = Arc::new(Library::default());
    let mut pairs: Vec<_> =
        (0..3).map(|_| (Disk::new(library.clone()), MemStore::default())).collect();
    let batches: Vec<Batch> = (0..400).map(|_| batch(&mut dice)).collect();
    for round in 0..400 {
        for (n, (disk, model)) in pairs.iter_mut().enumerate() {
            // They are not all at the same place, and the third has a mind of its own.
            let next = match n {
                2 => batch(&mut dice),
                n => batches[(round + 3 * n) % 400].clone(),
            };
            disk.stage(next.clone()).unwrap();
            model.stage(next).unwrap();
            match dice.below(8) {
                0 => {
                    disk.sync().unwrap();
                    model.sync().unwrap();
                }
                1 => {
                    let survivors = dice.index(disk.staged() + 2);
                    (*disk, *model) = (disk.crashed(survivors), model.crashed(survivors));
                }
                _ => {}
            }
            assert_eq!(disk.staged(), model.staged());
            for table in Table::ALL {
                for (prefix, after) in
                    [(&[][..], &[][..]), (&[1], &[]), (&[1], &[1, 1]), (&[], &[2])]
                {
                    let found = disk.scan(table, prefix, after, 5).unwrap();
                    assert_eq!(found, model.scan(table, prefix, after, 5).unwrap(), "{round} {n}");
                    assert_eq!(disk.get(table, after), model.get(table, after));
                }
            }
        }
    }
}

#[test]
fn equal_tables_are_one_whatever_the_order() {
    let library = Arc::new(Library::default());
    let write = |keys: [u8; 2]| {
        let disk = Disk::new(library.clone());
        for key in keys {
            let mut batch = Batch::default();
            batch.put(Table::Blocks, [key], [key; 40]);
            disk.stage(batch).unwrap();
        }
        disk
    };
    let (one, other) = (write([1, 2]), write([2, 1]));
    let entries = |disk: &Disk| lock(&disk.inner).shelves[Table::Blocks as usize].entries.clone();
    assert!(entries(&one).ptr_eq(&entries(&other)));
    assert!(!entries(&one).ptr_eq(&entries(&write([1, 3]))));
}
