import Crypto
public import JSON
public import Reactor
import Storage

/// Registration by tools that know `registration_shared_secret`, whether or not the server is open.
extension Accounts {
    /// How long a nonce serves.
    private static let nonceLifetimeMilliseconds: Int64 = 60_000
    private static let noncesMax = 10_000

    /// A text that the next registration must sign; it serves once, within a minute.
    public func makeNonce() throws(MatrixError) -> String {
        try requireSharedSecret()
        let now = clock.now
        nonces = nonces.filter { $0.value >= now }
        guard nonces.count < Self.noncesMax else {
            throw .limitExceeded(retryAfterMilliseconds: Self.nonceLifetimeMilliseconds)
        }
        let nonce = RandomText.letters(64)
        nonces[nonce] = now + Self.nonceLifetimeMilliseconds
        return nonce
    }

    /// Makes an account that a tool asks for, and unless `inhibit_login` is set logs its first device in.
    ///
    /// The request's `mac` is the HMAC-SHA1 in hexadecimal of nonce, name, password and `admin` or `notadmin` (and the
    /// user type, if there is one), joined by zero bytes.
    public func registerBySharedSecret(
        _ body: JSON, on loop: isolated EventLoop
    ) async throws -> (userID: String, login: Login?) {
        let secret = try requireSharedSecret()
        guard let nonce = body["nonce"]?.stringValue else {
            throw MatrixError.missingParameter("nonce")
        }
        guard let end = nonces.removeValue(forKey: nonce), end >= clock.now else {
            throw MatrixError(400, "M_UNKNOWN", "unrecognised nonce")
        }
        guard let localpart = body["username"]?.stringValue, !localpart.utf8.contains(0) else {
            throw MatrixError.missingParameter("username")
        }
        let password = try Self.newPassword(body, "password")
        guard let mac = body["mac"]?.stringValue else { throw MatrixError.missingParameter("mac") }
        let isAdmin = body["admin"]?.boolValue ?? false
        let userType = body["user_type"]?.stringValue
        if let userType, !["support", "bot"].contains(userType) {
            throw MatrixError.invalidParameter("Invalid user type")
        }
        var signed = [nonce, localpart, password, isAdmin ? "admin" : "notadmin"]
        if let userType { signed.append(userType) }
        guard Self.isRight(mac, of: signed, secret) else {
            throw MatrixError.forbidden("HMAC incorrect")
        }
        try checkLocalpart(localpart)
        try await requireFree(localpart, on: loop)
        let account = NewAccount(
            localpart: localpart, passwordHash: try await passwords.hash(password, on: loop),
            displayName: body["displayname"]?.stringValue ?? localpart, isAdmin: isAdmin,
            userType: userType)
        let userID = try await create(account, on: loop)
        if body["inhibit_login"]?.boolValue == true { return (userID, nil) }
        return (userID, try await logIn(userID: userID, try Self.wish(body), on: loop))
    }

    @discardableResult
    private func requireSharedSecret() throws(MatrixError) -> String {
        guard let secret = settings.registrationSharedSecret, !secret.isEmpty else {
            throw MatrixError(400, "M_UNKNOWN", "Shared secret registration is not enabled")
        }
        return secret
    }

    /// Compares in a time that does not depend on where the difference is.
    private static func isRight(_ mac: String, of parts: [String], _ secret: String) -> Bool {
        let digits = Array(mac.utf8)
        guard digits.count == 40 else { return false }
        var code: [UInt8] = []
        for index in stride(from: 0, to: 40, by: 2) {
            guard
                let byte = UInt8(
                    String(decoding: digits[index..<index + 2], as: UTF8.self), radix: 16)
            else { return false }
            code.append(byte)
        }
        let message = Array(parts.joined(separator: "\0").utf8)
        return HMAC<Insecure.SHA1>.isValidAuthenticationCode(
            code, authenticating: message, using: SymmetricKey(data: Array(secret.utf8)))
    }
}
