import JSON
import Testing

@Suite struct Value {
    @Test func accessorsAnswerOnlyTheirKind() {
        let value: JSON = ["i": 1, "d": 1.0, "s": "x", "b": true, "a": [1, 2], "n": .null]
        #expect(value["i"]?.intValue == 1)
        #expect(value["d"]?.intValue == nil)
        #expect(value["d"]?.doubleValue == 1)
        #expect(value["s"]?.stringValue == "x")
        #expect(value["b"]?.boolValue == true)
        #expect(value["a"]?[1] == 2)
        #expect(value["a"]?[2] == nil)
        #expect(value["a"]?[-1] == nil)
        #expect(value["n"]?.isNull == true)
        #expect(value["none"] == nil)
        #expect(value["i"]?["x"] == nil)
        #expect(value.objectValue?.keys == ["a", "b", "d", "i", "n", "s"])
    }

    @Test func anIntegerIsNoDoubleAndNoBoolean() {
        #expect(JSON.integer(1) != .double(1))
        #expect(JSON.integer(1) != .bool(true))
    }

    @Test func canonicallyEquivalentTextsDiffer() throws {
        let composed = "\u{e9}"
        let decomposed = "e\u{301}"
        #expect(composed == decomposed)
        #expect(JSON.string(composed) != .string(decomposed))
        let object = try JSON(parsing: "{\"\(composed)\":1,\"\(decomposed)\":2}").objectValue
        #expect(object?.count == 2)
        #expect(object?[composed] == 1)
        #expect(object?[decomposed] == 2)
        #expect(Set<JSON>([.string(composed), .string(decomposed)]).count == 2)
    }

    @Test func objectsAreEditedLikeDictionaries() {
        var object: JSON.Object = ["b": 1, "a": 2, "b": 3]
        #expect(object.count == 2)
        #expect(object["b"] == 3)
        object["c"] = 4
        object["a"] = nil
        object["missing"] = nil
        #expect(object == ["c": 4, "b": 3])
        #expect(object.removeValue(forKey: "c") == 4)
        #expect(object.removeValue(forKey: "c") == nil)
        #expect(object["z", default: 9] == 9)
        #expect(object.merging(["b": 5, "d": 6]) == ["b": 5, "d": 6])
        #expect(object.merging(["x": 1]).filter { $0.key == "x" } == ["x": 1])
        #expect(JSON.Object(["q": 1] as [String: JSON]) == ["q": 1])
        #expect(object.map(\.key) == ["b"])
    }

    @Test func settingAMemberMakesAnObject() {
        var value: JSON = "x"
        value["a"] = 1
        #expect(value == ["a": 1])
        value["a"] = nil
        #expect(value == [:])
    }
}
