import Bytes
import HTTPWire
import Testing

@Suite struct SelectionTests {
    /// The representation has 10 bytes, the tag "a", and was changed at 06 Nov 1994 08:49:37 GMT.
    private static let date: Int64 = 784_111_777
    private static let then = "Sun, 06 Nov 1994 08:49:37 GMT"
    private static let before = "Sun, 06 Nov 1994 08:49:36 GMT"
    private static let after = "Sun, 06 Nov 1994 08:49:38 GMT"

    private func select(
        _ fields: [(String, String)], tag: EntityTag? = EntityTag("a"), modified: Int64? = date,
        isHead: Bool = false
    ) -> Selection {
        var headers = HTTPHeaders()
        for (name, value) in fields { headers.append(name, value) }
        return Selection(headers, isHead: isHead, length: 10, tag: tag, modified: modified)
    }

    @Test(arguments: [
        ("\"a\"", Selection.notModified), ("W/\"a\"", .notModified), ("*", .notModified),
        ("\"b\", \"a\"", .notModified), (" ,\"b\",,W/\"a\" ,", .notModified), ("\"b\"", .whole),
        ("\"A\"", .whole), ("a", .whole), ("", .whole), ("\"a", .whole), ("\"a b\"", .whole),
        ("\"b\" \"a\"", .notModified), ("w/\"a\"", .whole), ("\"b\", *", .whole), ("**", .whole),
        ("\"\"", .whole), ("\"a\"x", .notModified), ("x\"a\"", .whole), ("W/", .whole),
    ])
    func ifNoneMatch(_ value: String, _ expected: Selection) {
        #expect(select([("If-None-Match", value)]) == expected)
        #expect(select([("if-none-match", value)], isHead: true) == expected)
        // It is about tags, so the date is nobody's business.
        #expect(
            select([("If-None-Match", value), ("If-Modified-Since", Self.after)]) == expected)
    }

    @Test func listsMayComeInSeveralFields() {
        #expect(
            select([("If-None-Match", "\"b\""), ("If-None-Match", "\"a\"")]) == .notModified)
        #expect(select([("If-Match", "\"b\""), ("If-Match", "\"a\"")]) == .whole)
    }

    @Test(arguments: [
        ("\"a\"", Selection.whole), ("*", .whole), ("\"b\",\"a\"", .whole), ("\"b\"", .failed),
        ("W/\"a\"", .failed), ("", .failed), ("a", .failed),
    ])
    func ifMatch(_ value: String, _ expected: Selection) {
        #expect(select([("If-Match", value)]) == expected)
        // A date beside it does not count.
        #expect(select([("If-Match", value), ("If-Unmodified-Since", Self.before)]) == expected)
    }

    @Test func weakTagsMatchNothingStrongly() {
        let weak = EntityTag("a", isWeak: true)
        #expect(select([("If-Match", "W/\"a\"")], tag: weak) == .failed)
        #expect(select([("If-Match", "*")], tag: weak) == .whole)
        #expect(select([("If-None-Match", "\"a\"")], tag: weak) == .notModified)
        #expect(select([("If-Range", "W/\"a\""), ("Range", "bytes=1-2")], tag: weak) == .whole)
    }

    @Test func withoutATagNothingIsNamed() {
        #expect(select([("If-None-Match", "\"a\"")], tag: nil) == .whole)
        #expect(select([("If-None-Match", "*")], tag: nil) == .notModified)
        #expect(select([("If-Match", "\"a\"")], tag: nil) == .failed)
        #expect(select([("If-Match", "*")], tag: nil) == .whole)
    }

    @Test func dates() {
        for (value, isNewer) in [(Self.before, true), (Self.then, false), (Self.after, false)] {
            #expect(
                select([("If-Modified-Since", value)]) == (isNewer ? .whole : .notModified))
            #expect(select([("If-Unmodified-Since", value)]) == (isNewer ? .failed : .whole))
        }
        for value in ["", "yesterday", "Sun, 06 Nov 1994 08:49:37 CET"] {
            #expect(select([("If-Modified-Since", value)]) == .whole)
            #expect(select([("If-Unmodified-Since", value)]) == .whole)
        }
        #expect(select([("If-Modified-Since", Self.then)], modified: nil) == .whole)
    }

    @Test func ranges() {
        #expect(select([("Range", "bytes=2-3")]) == .part(2..<4))
        #expect(select([("Range", "bytes=2-3")], isHead: true) == .whole)
        #expect(select([("Range", "bytes=10-")]) == .unsatisfiable)
        // Conditions come first.
        #expect(
            select([("Range", "bytes=2-3"), ("If-None-Match", "\"a\"")]) == .notModified)
        #expect(select([("Range", "bytes=99-"), ("If-Match", "\"b\"")]) == .failed)
    }

    @Test(arguments: [
        ("\"a\"", true), (then, true), ("\"b\"", false), ("W/\"a\"", false), (before, false),
        (after, false), ("", false), ("\"b\", \"a\"", false), ("*", false),
    ])
    func ifRange(_ value: String, _ isOfUse: Bool) {
        #expect(
            select([("Range", "bytes=2-3"), ("If-Range", value)])
                == (isOfUse ? .part(2..<4) : .whole))
        #expect(
            select([("Range", "bytes=10-"), ("If-Range", value)])
                == (isOfUse ? .unsatisfiable : .whole))
    }

    @Test func aTagIsFoundInAnyListThatHasItAndInNoOther() {
        var generator = SystemRandomNumberGenerator()
        let separators = [",", ", ", " ,\t", ",,", " , , "]
        for _ in 0..<5_000 {
            var tags = (0..<Int.random(in: 0..<6, using: &generator)).map { _ in
                EntityTag("t\(Int.random(in: 0..<9, using: &generator))", isWeak: .random())
            }
            if .random() { tags.insert(EntityTag("a"), at: Int.random(in: 0...tags.count)) }
            let list = tags.map(\.field).joined(separator: separators.randomElement() ?? ",")
            let isThere = tags.contains(EntityTag("a"))
            #expect(select([("If-None-Match", list)]) == (isThere ? .notModified : .whole))
            #expect(select([("If-Match", list)]) == (isThere ? .whole : .failed))
        }
    }

    @Test func nonsenseIsSurvived() {
        var generator = SystemRandomNumberGenerator()
        let alphabet = Array("\"W/a,* \tbytes=0-9:GMTSunNov".utf8) + [0x80, 0xff]
        for _ in 0..<20_000 {
            let count = Int.random(in: 0..<40, using: &generator)
            let value = (0..<count).map { _ in alphabet.randomElement(using: &generator) ?? 0 }
            let text = String(decoding: value, as: UTF8.self)
            for name in [
                "If-Match", "If-None-Match", "If-Range", "If-Modified-Since", "If-Unmodified-Since",
            ] {
                _ = select([(name, text), ("Range", "bytes=1-2")])
            }
        }
    }

    @Test func tagsAreWrittenAndRead() {
        #expect(EntityTag("a").field == "\"a\"")
        #expect(EntityTag("a", isWeak: true).field == "W/\"a\"")
        #expect(EntityTag("a\"\r\n b").field == "\"a----b\"")
        for text in ["\"a\"", "W/\"\"", "\"!#\""] {
            #expect(EntityTag(field: Array(text.utf8).span.bytes)?.field == text)
        }
        for text in ["", "a", "\"a", "\"a\"b", "\"a\", \"b\"", "w/\"a\"", "*"] {
            #expect(EntityTag(field: Array(text.utf8).span.bytes) == nil)
        }
    }
}

@Suite struct DateReadingTests {
    private func read(_ text: String) -> Int64? { HTTPDate.read(Array(text.utf8).span.bytes) }

    @Test(arguments: [
        ("Sun, 06 Nov 1994 08:49:37 GMT", Int64(784_111_777)),
        ("Sunday, 06-Nov-94 08:49:37 GMT", 784_111_777), ("Sun Nov  6 08:49:37 1994", 784_111_777),
        ("Tue, 29 Feb 2000 23:59:59 GMT", 951_868_799), ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
        ("Wed, 31 Dec 1969 23:59:59 GMT", -1), ("Wed Mar 31 12:00:00 2027", 1_806_494_400),
        ("Thursday, 01-Jan-70 00:00:00 GMT", 0), ("Tuesday, 31-Dec-69 00:00:00 GMT", 3_155_673_600),
        ("Fri, 31 Dec 2032 23:59:60 GMT", 1_988_150_400),
    ])
    func readsItsThreeForms(_ text: String, _ expected: Int64) { #expect(read(text) == expected) }

    @Test(arguments: [
        "", ",", "Sun,", "Sun, ", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 06 nov 1994 08:49:37 GMT", "Sun, 31 Nov 1994 08:49:37 GMT",
        "Sun, 00 Nov 1994 08:49:37 GMT", "Sun, 29 Feb 1900 08:49:37 GMT",
        "Sun, 29 Feb 1995 08:49:37 GMT", "Sun, 06 Nov 1994 24:49:37 GMT",
        "Sun, 06 Nov 1994 08:60:37 GMT", "Sun, 06 Nov 1994 08:49:61 GMT",
        "Sun,  6 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08-49-37 GMT",
        "Sunday, 06 Nov 94 08:49:37 GMT", "Sun, 06-Nov-94 08:49:37 GMT",
        "Sun Nov 6 08:49:37 1994", "Sun Nov  6 08:49:37 94", "Sun, +6 Nov 1994 08:49:37 GMT",
        "784111777",
    ])
    func refusesEverythingElse(_ text: String) { #expect(read(text) == nil) }

    @Test func everyPrefixAndEveryChangedByteIsSurvived() {
        for text in [
            "Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
        ] {
            let bytes = Array(text.utf8)
            for count in bytes.indices {
                #expect(HTTPDate.read(bytes.span.bytes.extracting(0..<count)) == nil)
                for byte in UInt8.min ... .max {
                    var changed = bytes
                    changed[count] = byte
                    _ = HTTPDate.read(changed.span.bytes)
                }
            }
        }
    }

    @Test func whatIsWrittenIsReadAgain() {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<20_000 {
            let seconds = Int64.random(in: -62_135_596_800...253_402_300_799, using: &generator)
            var bytes: [UInt8] = []
            HTTPDate.append(secondsSince1970: seconds, to: &bytes)
            #expect(HTTPDate.read(bytes.span.bytes) == seconds)
        }
    }
}
