import JSON
import Testing

/// The examples of the specification's appendix "Canonical JSON".
@Suite struct Canonical {
    @Test(arguments: [
        ("{}", "{}"),
        (#"{ "one": 1, "two": "Two" }"#, #"{"one":1,"two":"Two"}"#),
        (#"{ "b": "2", "a": "1" }"#, #"{"a":"1","b":"2"}"#),
        (#"{"b":"2","a":"1"}"#, #"{"a":"1","b":"2"}"#),
        (
            """
            { "auth": { "success": true, "mxid": "@john.doe:example.com", "profile": {
                "display_name": "John Doe", "three_pids": [
                    { "medium": "email", "address": "john.doe@example.org" },
                    { "medium": "msisdn", "address": "123456789" } ] } } }
            """,
            #"{"auth":{"mxid":"@john.doe:example.com","profile":{"display_name":"John Doe","#
                + #""three_pids":[{"address":"john.doe@example.org","medium":"email"},"#
                + #"{"address":"123456789","medium":"msisdn"}]},"success":true}}"#
        ),
        (#"{ "a": "日本語" }"#, #"{"a":"日本語"}"#),
        (#"{ "本": 2, "日": 1 }"#, #"{"日":1,"本":2}"#),
        (#"{ "a": "\u65E5" }"#, #"{"a":"日"}"#),
        (#"{ "a": null }"#, #"{"a":null}"#),
        (#"{ "a": -0, "b": 1e10 }"#, #"{"a":0,"b":10000000000}"#),
    ])
    func specificationExample(input: String, expected: String) throws {
        #expect(
            String(decoding: try JSON(parsing: input).canonicalBytes, as: UTF8.self) == expected)
    }

    @Test func keysSortByCodePointNotByUTF16Unit() throws {
        let object: JSON = ["\u{1F600}": 1, "\u{FFFD}": 2, "a": 3, "B": 4, "": 5]
        #expect(
            String(decoding: object.canonicalBytes, as: UTF8.self)
                == "{\"\":5,\"B\":4,\"a\":3,\"\u{FFFD}\":2,\"\u{1F600}\":1}")
    }

    @Test(
        arguments: [
            (.integer(9_007_199_254_740_991), true), (.integer(9_007_199_254_740_992), false),
            (.integer(-9_007_199_254_740_991), true), (.integer(-9_007_199_254_740_992), false),
            (1.0, false), ([["a": 0.5]], false), ([["a": 1], .null, true, "x"], true),
        ] as [(JSON, Bool)])
    func numbersMustBeIntegersInRange(value: JSON, isCanonical: Bool) {
        #expect(value.isCanonical == isCanonical)
    }

    @Test func whatIsNotCanonicalIsStillWritten() {
        #expect(JSON.array([0.5, -0.0, 1e300]).canonicalBytes == Array("[0.5,0,1e+300]".utf8))
    }
}
