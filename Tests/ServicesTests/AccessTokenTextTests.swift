import Testing

@testable import Services

@Suite struct AccessTokenTextTests {
    @Test func tokensHaveSynapsesShape() throws {
        let token = AccessTokenText.make(localpart: "alice")
        let parts = token.split(separator: "_")
        #expect(parts.count == 4)
        #expect(parts[0] == "syt")
        #expect(parts[1] == "YWxpY2U")
        #expect(parts[2].count == 20)
        #expect(parts[2].allSatisfy { $0.isLetter && $0.isASCII })
        #expect(parts[3].count == 6)
        let base = parts[0...2].joined(separator: "_")
        let sum = AccessTokenText.base62(
            AccessTokenText.crc32(Array(base.utf8)), digitsMin: 6)
        #expect(String(parts[3]) == sum)
    }

    @Test func theChecksumIsThatOfZlib() {
        #expect(AccessTokenText.crc32(Array("123456789".utf8)) == 0xCBF4_3926)
        #expect(AccessTokenText.crc32([]) == 0)
    }

    @Test(arguments: [(0, "000000"), (61, "00000z"), (62, "000010"), (4_294_967_295, "4gfFC3")])
    func numbersAreWrittenInBase62(number: UInt32, text: String) {
        #expect(AccessTokenText.base62(number, digitsMin: 6) == text)
    }
}
