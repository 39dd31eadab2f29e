import Testing

@testable import Services

@Suite struct StreamTokenTests {
    @Test func writesAndReadsEightFields() throws {
        var token = StreamToken(room: 12)
        token.presence = 1
        token.typing = 2
        token.receipt = 3
        token.accountData = 4
        token.pushRules = 5
        token.toDevice = 6
        token.deviceList = 7
        #expect(token.description == "s12_1_2_3_4_5_6_7")
        #expect(StreamToken("s12_1_2_3_4_5_6_7") == token)
    }

    @Test func missingFieldsAtTheEndAreZero() {
        #expect(StreamToken("s12_1") == StreamToken("s12_1_0_0_0_0_0_0"))
        #expect(StreamToken("s0")?.room == 0)
    }

    @Test func readsPlacesInARoom() {
        #expect(StreamToken("t5-12")?.topological == 5)
        #expect(StreamToken("t5-12_1")?.room == 12)
        #expect(StreamToken("t5--3")?.room == -3)
        #expect(StreamToken("t5-12")?.description == "t5-12_0_0_0_0_0_0_0")
    }

    @Test func ignoresFieldsOfLaterReleases() {
        #expect(StreamToken("s1_2_3_4_5_6_7_8_9_10") == StreamToken("s1_2_3_4_5_6_7_8"))
    }

    @Test(arguments: [
        "", "s", "12", "s-1", "t5", "t-5", "t5-", "x12", "s12_", "s12__1", "s12_a", "s12_-1",
        "s99999999999999999999", "s1 ", " s1", "s+1", "s1_1_1_1_1_1_1_1_1_1_1_1_1_1_1_1_1_1",
        "m5~1.2_0", "s１", "t5-٣",
    ])
    func refusesEverythingElse(_ text: String) {
        #expect(StreamToken(text) == nil)
        #expect(throws: MatrixError.self) { try StreamToken(parsing: text) }
    }

    @Test func aRandomTokenSurvivesTheRoundTrip() throws {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<1000 {
            var token = StreamToken(room: .random(in: 0...Int64.max, using: &generator))
            token.typing = .random(in: 0...Int64.max, using: &generator)
            token.deviceList = .random(in: 0...9, using: &generator)
            let text = token.description
            #expect(StreamToken(text) == token)
            // No cut or altered text makes the process fail.
            _ = StreamToken(String(text.prefix(.random(in: 0...text.count, using: &generator))))
        }
    }
}
