//! The one encoding: borsh, consumed exactly, every length capped before allocation.

use std::io::{self, Read, Write};
use std::ops::Deref;

use borsh::{BorshDeserialize, BorshSerialize};

/// Why bytes are not a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{bytes} bytes do not encode a {what}: {reason}")]
pub struct CodecError {
    what: &'static str,
    bytes: usize,
    reason: String,
}

/// The encoding of a value.
pub fn encode<T: BorshSerialize>(value: &T) -> Vec<u8> {
    borsh::to_vec(value).expect("writing to memory cannot fail and lengths fit 32 bits")
}

/// The value that these bytes, all of them, encode.
pub fn decode<T: BorshDeserialize>(bytes: &[u8]) -> Result<T, CodecError> {
    borsh::from_slice(bytes).map_err(|error| CodecError {
        what: std::any::type_name::<T>().rsplit("::").next().unwrap_or_default(),
        bytes: bytes.len(),
        reason: error.to_string(),
    })
}

/// A vector that never holds more than `N` elements, checked before its memory is taken.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(transparent)]
pub struct Bounded<T, const N: usize>(Vec<T>);

impl<T, const N: usize> Default for Bounded<T, N> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T, const N: usize> Bounded<T, N> {
    /// The vector, if it is short enough; gives it back otherwise.
    pub fn new(items: Vec<T>) -> Result<Self, Vec<T>> {
        if items.len() <= N { Ok(Self(items)) } else { Err(items) }
    }

    /// The first `N` elements.
    pub fn truncated(mut items: Vec<T>) -> Self {
        items.truncate(N);
        Self(items)
    }

    /// The elements.
    pub fn into_inner(self) -> Vec<T> {
        self.0
    }
}

impl<T, const N: usize> Deref for Bounded<T, N> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<'a, T, const N: usize> IntoIterator for &'a Bounded<T, N> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl<T: BorshSerialize, const N: usize> BorshSerialize for Bounded<T, N> {
    fn serialize<W: Write>(&self, writer: &mut W) -> io::Result<()> {
        self.0.serialize(writer)
    }
}

impl<T: BorshDeserialize, const N: usize> BorshDeserialize for Bounded<T, N> {
    fn deserialize_reader<R: Read>(reader: &mut R) -> io::Result<Self> {
        let length = u32::deserialize_reader(reader)? as usize; // usize is at least 32 bits wide
        if length > N {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("a list of {length} where at most {N} are allowed"),
            ));
        }
        // A short message can claim a long list: grow with what really arrives.
        let mut items = Vec::with_capacity(length.min(1024));
        for _ in 0..length {
            items.push(T::deserialize_reader(reader)?);
        }
        Ok(Self(items))
    }
}

/// A UTF-8 text of at most `N` bytes without control characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, serde::Serialize)]
#[serde(transparent)]
pub struct Text<const N: usize>(String);

impl<const N: usize> Text<N> {
    /// The text, if it is short and plain enough; says why not otherwise.
    pub fn new(text: impl Into<String>) -> Result<Self, String> {
        let text = text.into();
        if text.len() > N {
            return Err(format!("a text of {} bytes where at most {N} are allowed", text.len()));
        }
        if text.chars().any(char::is_control) {
            return Err("a text with control characters".into());
        }
        Ok(Self(text))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<const N: usize> BorshSerialize for Text<N> {
    fn serialize<W: Write>(&self, writer: &mut W) -> io::Result<()> {
        self.0.serialize(writer)
    }
}

impl<const N: usize> BorshDeserialize for Text<N> {
    fn deserialize_reader<R: Read>(reader: &mut R) -> io::Result<Self> {
        let invalid = |reason: String| io::Error::new(io::ErrorKind::InvalidData, reason);
        let bytes = Bounded::<u8, N>::deserialize_reader(reader)?.into_inner();
        let text = String::from_utf8(bytes).map_err(|error| invalid(error.to_string()))?;
        Self::new(text).map_err(invalid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_over_its_bound_is_refused_before_its_elements_are_read() {
        let bytes = encode(&vec![7u8; 5]);
        assert_eq!(decode::<Bounded<u8, 5>>(&bytes).unwrap().len(), 5);
        let error = decode::<Bounded<u8, 4>>(&bytes).unwrap_err();
        assert!(error.to_string().contains("a list of 5 where at most 4"), "{error}");
        assert!(decode::<Bounded<u64, 4>>(&u32::MAX.to_le_bytes()).is_err());
    }

    #[test]
    fn spare_and_missing_bytes_are_refused() {
        assert!(decode::<u32>(&[1, 0, 0, 0, 0]).is_err());
        assert!(decode::<u32>(&[1, 0, 0]).is_err());
        assert!(decode::<Option<u8>>(&[2, 0]).is_err());
    }
}
