import CCrypt
import Reactor

/// Hashes passwords with bcrypt, which is slow on purpose and therefore runs off the loop.
struct Passwords: Sendable {
    /// log2 of how often bcrypt turns.
    let rounds: Int
    /// Appended to each password before hashing; kept in the configuration, not in the database.
    let pepper: String

    /// Longer ones are refused before any hashing; bcrypt itself looks at 72 bytes only.
    static let bytesMax = 512

    /// A new hash for `password`.
    func hash(_ password: String, on loop: isolated EventLoop) async throws -> String {
        let phrase = password + pepper
        let cost = UInt(clamping: rounds)
        return try await loop.offload {
            let setting = try Self.text(capacity: 64) { buffer, capacity in
                ccrypt_bcrypt_setting(cost, buffer, capacity)
            }
            return try Self.crypt(phrase, setting: setting)
        }
    }

    /// Whether `password` is the one that `hash` was made from.
    func verify(
        _ password: String, against hash: String, on loop: isolated EventLoop
    ) async throws -> Bool {
        let phrase = password + pepper
        let computed = try await loop.offload { try Self.crypt(phrase, setting: hash) }
        return Self.isEqual(Array(computed.utf8), Array(hash.utf8))
    }

    private static func crypt(_ phrase: String, setting: String) throws -> String {
        try text(capacity: 256) { buffer, capacity in
            ccrypt_hash(phrase, setting, buffer, capacity)
        }
    }

    /// Takes as long whatever the first difference is.
    private static func isEqual(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        guard left.count == right.count else { return false }
        var difference: UInt8 = 0
        for index in left.indices { difference |= left[index] ^ right[index] }
        return difference == 0
    }

    private static func text(
        capacity: Int, _ fill: (UnsafeMutablePointer<CChar>, Int) -> Int32
    ) throws -> String {
        try withUnsafeTemporaryAllocation(of: CChar.self, capacity: capacity) { buffer in
            guard let base = buffer.baseAddress else { throw PasswordError(code: 0) }
            let code = fill(base, capacity)
            guard code == 0 else { throw PasswordError(code: code) }
            return String(cString: base)
        }
    }
}

/// libcrypt refused, with its error number: a corrupt hash, or a cost out of range.
struct PasswordError: Error {
    let code: Int32
}
