/// The text of access tokens, in the shape that Synapse gives them:
/// `syt_<localpart, base64>_<20 random letters>_<checksum>`. Load balancers route by the localpart in it.
enum AccessTokenText {
    /// A new token; `kind` is `syt` for access tokens, `syr` for refresh tokens, `syl` for tokens that log in.
    static func make(localpart: String, kind: String = "syt") -> String {
        var generator = SystemRandomNumberGenerator()
        return make(localpart: localpart, kind: kind, using: &generator)
    }

    /// A new token with letters from `generator`.
    static func make(
        localpart: String, kind: String = "syt", using generator: inout some RandomNumberGenerator
    ) -> String {
        let letters = RandomText.letters(20, using: &generator)
        let base = "\(kind)_\(base64(Array(localpart.utf8)))_\(letters)"
        return "\(base)_\(base62(crc32(Array(base.utf8)), digitsMin: 6))"
    }

    /// Base64 without padding.
    static func base64(_ bytes: [UInt8]) -> String {
        let alphabet = Array(
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        var text: [UInt8] = []
        var bits: UInt32 = 0
        var count = 0
        for byte in bytes {
            bits = bits << 8 | UInt32(byte)
            count += 8
            while count >= 6 {
                count -= 6
                text.append(alphabet[Int(bits >> UInt32(count) & 63)])
            }
        }
        if count > 0 { text.append(alphabet[Int(bits << UInt32(6 - count) & 63)]) }
        return String(decoding: text, as: UTF8.self)
    }

    static func base62(_ number: UInt32, digitsMin: Int) -> String {
        let alphabet = Array("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8)
        var digits: [UInt8] = []
        var rest = number
        while rest > 0 || digits.count < digitsMin {
            digits.append(alphabet[Int(rest % 62)])
            rest /= 62
        }
        return String(decoding: digits.reversed(), as: UTF8.self)
    }

    /// The checksum of zlib and PNG.
    static func crc32(_ bytes: [UInt8]) -> UInt32 {
        var sum = UInt32.max
        for byte in bytes {
            sum ^= UInt32(byte)
            for _ in 0..<8 { sum = sum & 1 == 1 ? sum >> 1 ^ 0xEDB8_8320 : sum >> 1 }
        }
        return ~sum
    }
}

/// Random identifiers.
enum RandomText {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8)

    /// Letters of both cases.
    static func letters(_ count: Int, using generator: inout some RandomNumberGenerator) -> String {
        let letters = (0..<count).map { _ in alphabet[Int.random(in: 0..<52, using: &generator)] }
        return String(decoding: letters, as: UTF8.self)
    }

    /// Letters of both cases, from the system's generator.
    static func letters(_ count: Int) -> String {
        var generator = SystemRandomNumberGenerator()
        return letters(count, using: &generator)
    }

    /// Capital letters, as device ids have.
    static func capitals(_ count: Int) -> String {
        var generator = SystemRandomNumberGenerator()
        let letters = (0..<count).map { _ in alphabet[Int.random(in: 0..<26, using: &generator)] }
        return String(decoding: letters, as: UTF8.self)
    }
}
