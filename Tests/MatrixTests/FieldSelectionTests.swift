import JSON
import Testing

@testable import Matrix

@Suite struct FieldSelectionTests {
    private let event: JSON.Object = [
        "type": "m.x", "content": ["body": "b", "a.b": 1, "deep": ["x": 1, "y": 2], "c\\d": 3],
        "list": [1, 2],
    ]

    @Test(arguments: [
        (["type"], #"{"type":"m.x"}"#),
        (["content.body", "type"], #"{"content":{"body":"b"},"type":"m.x"}"#),
        (["content.deep.x"], #"{"content":{"deep":{"x":1}}}"#),
        (["content.deep", "content.deep.x"], #"{"content":{"deep":{"x":1,"y":2}}}"#),
        (["content.a\\.b"], #"{"content":{"a.b":1}}"#), (["content.a.b"], "{}"),
        (["content.c\\\\d"], #"{"content":{"c\\d":3}}"#),
        (["content.c\\d"], #"{"content":{"c\\d":3}}"#), (["type.x", "list.0", "", "none"], "{}"),
    ])
    func fieldsAreSelected(paths: [String], expected: String) throws {
        let selected = FieldSelection(paths).apply(event)
        #expect(JSON.object(selected) == (try JSON(parsing: expected)))
    }

    @Test func backslashesEscapeDotsAndThemselvesOnly() {
        #expect(FieldSelection.names("a.b") == ["a", "b"])
        #expect(FieldSelection.names(#"a\.b"#) == ["a.b"])
        #expect(FieldSelection.names(#"a\\.b"#) == [#"a\"#, "b"])
        #expect(FieldSelection.names(#"a\x"#) == [#"a\x"#])
        #expect(FieldSelection.names(#"a\"#) == [#"a\"#])
        #expect(FieldSelection.names("") == [""])
    }
}
