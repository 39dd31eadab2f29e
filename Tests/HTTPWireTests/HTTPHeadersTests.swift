import HTTPWire
import Testing

@Suite struct HTTPHeadersTests {
    @Test func findsFieldsWithoutCase() {
        let headers: HTTPHeaders = ["Content-Type": "a", "X": "1", "x": "2"]
        #expect(headers["content-TYPE"] == "a")
        #expect(headers.values("X") == ["1", "2"])
        #expect(headers["Content-Typ"] == nil)
        #expect(headers["Content-Type2"] == nil)
        #expect(headers.firstIndex(of: "x") == 1)
        #expect(headers.map(\.name) == ["Content-Type", "X", "x"])
    }

    @Test func replacesAndRemovesFields() {
        var headers: HTTPHeaders = ["A": "1", "B": "2", "a": "3"]
        headers.set("A", "4")
        #expect(headers.map { "\($0.name)\($0.value)" } == ["B2", "A4"])
        headers.remove("b")
        #expect(headers == ["A": "4"])
    }

    @Test func valuesCannotEndTheLine() {
        var headers = HTTPHeaders()
        headers.append("Location", "/a\r\nSet-Cookie: b\0")
        #expect(headers["Location"] == "/a  Set-Cookie: b ")
        var wire: [UInt8] = []
        ResponseEncoder.appendFields(headers, to: &wire)
        #expect(wire.filter { $0 == 10 }.count == 1)
    }

    @Test(arguments: ["", "A B", "A:", "A\r\nB", "ä"])
    func namesMustBeTokens(_ name: String) {
        var headers: HTTPHeaders = ["X": "y"]
        let added = headers.append(name, "z")
        #expect(!added)
        #expect(headers == ["X": "y"])
    }

    @Test func tokenCharactersAreThoseOfTheStandard() {
        let allowed = Set("!#$%&'*+-.^_`|~0123456789".utf8)
        for byte in UInt8.min...127 {
            let letter = (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte)
            var headers = HTTPHeaders()
            let name = String(UnicodeScalar(byte))
            #expect(headers.append(name, "") == (letter || allowed.contains(byte)), "\(byte)")
        }
    }
}
