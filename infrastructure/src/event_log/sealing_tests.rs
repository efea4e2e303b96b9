use interflow_domain::CustomerId;

use super::*;

struct Fixture {
    event: EventId,
    id: Uuid,
    data_key: DataKey,
}

fn fixture() -> Fixture {
    let subject = Subject::Customer(CustomerId::new(Uuid::from_u128(7)));
    let data_key = DataKey { subject, key: Some(SealingKey::random()) };
    Fixture { event: EventId::new(Uuid::from_u128(1)), id: Uuid::from_u128(2), data_key }
}

impl Fixture {
    fn seal(&self, payload: &Value) -> Result<Value, SealError> {
        let mut payload = payload.clone();
        let key = self.data_key.key.as_ref().unwrap();
        seal(&mut payload, self.event, &|_| Some((self.id, key)))?;
        Ok(payload)
    }

    fn open(&self, payload: &Value) -> Result<Value, SealError> {
        let mut payload = payload.clone();
        open(&mut payload, self.event, &|id| (id == self.id).then_some(&self.data_key))?;
        Ok(payload)
    }

    fn personal(&self, value: Value) -> Value {
        json!({"$p": {"s": self.data_key.subject, "v": value}})
    }
}

#[test]
fn values_are_sealed_wherever_they_are_and_open_again() {
    let fixture = fixture();
    let personal = |value| fixture.personal(value);
    let payload = json!({
        "type": "x", "name": personal(json!("Ana")), "none": null,
        "deep": [{"a/b~c": personal(json!({"$p": "what a caller wrote", "n": [1, 2.5]}))}, personal(Value::Null)],
    });
    let sealed = fixture.seal(&payload).unwrap();
    assert!(!sealed.to_string().contains("Ana") && !sealed.to_string().contains("caller"), "{sealed}");
    assert_eq!(sealed["type"], "x");
    let (mut keys, mut found) = (BTreeSet::new(), BTreeSet::new());
    key_ids(&sealed, &mut keys).unwrap();
    subjects(&payload, &mut found).unwrap();
    assert_eq!((keys.len(), found), (1, BTreeSet::from([fixture.data_key.subject])));
    assert_eq!(fixture.open(&sealed).unwrap(), payload);
}

#[test]
fn a_value_that_was_moved_or_changed_does_not_open() {
    let fixture = fixture();
    let sealed = fixture.seal(&json!({"a": fixture.personal(json!("Ana")), "b": null})).unwrap();
    let moved = json!({"a": null, "b": sealed["a"]});
    assert_eq!(fixture.open(&moved), Err(SealError::DoesNotOpen));

    let elsewhere = Fixture { event: EventId::new(Uuid::from_u128(9)), ..fixture };
    assert_eq!(elsewhere.open(&sealed), Err(SealError::DoesNotOpen));

    let mut another = sealed.clone();
    another["a"]["$p"]["s"] = json!("cus_00000000000000000000000000");
    assert_eq!(elsewhere.open(&another), Err(SealError::DoesNotOpen));
}

#[test]
fn without_its_key_a_value_reads_as_erased_and_is_stored_so_again() {
    let mut fixture = fixture();
    let sealed = fixture.seal(&fixture.personal(json!("Ana"))).unwrap();
    let erased = json!({"$p": {"s": fixture.data_key.subject, "erased": true}});
    assert_eq!(fixture.seal(&erased), Ok(erased.clone()));
    fixture.data_key.key = None;
    assert_eq!(fixture.open(&sealed), Ok(erased.clone()));
    fixture.id = Uuid::from_u128(3);
    assert_eq!(fixture.open(&sealed), Ok(erased.clone()));
    assert_eq!(fixture.open(&erased), Ok(erased));
}

#[test]
fn what_is_malformed_or_in_clear_is_refused() {
    let fixture = fixture();
    assert_eq!(fixture.open(&fixture.personal(json!("Ana"))), Err(SealError::InClear));
    for form in
        [json!("x"), json!({}), json!({"s": "nobody", "v": 1}), json!({"s": fixture.data_key.subject})]
    {
        let payload = json!({ "$p": form });
        assert_eq!(fixture.seal(&payload), Err(SealError::Malformed), "{payload}");
        assert!(fixture.open(&payload).is_err(), "{payload}");
    }
}
