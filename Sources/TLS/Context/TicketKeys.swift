internal import COpenSSL
internal import Glibc
internal import Synchronization

/// The keys that session tickets are encrypted with. They change with time, so that a key that
/// leaks opens few sessions; tickets of the last key are still taken and replaced.
final class TicketKeys: Sendable {
    /// How a ticket is to be treated, as OpenSSL's callback says it.
    enum Verdict: Int32 {
        case failure = -1
        /// The key is gone; a full handshake follows.
        case unknown = 0
        case valid = 1
        /// Valid, and a ticket of the current key is to be given.
        case renew = 2
    }

    private struct Key {
        static let nameBytes = 16
        static let partBytes = 32

        /// Name, encryption key and key of the MAC, one behind the other.
        var bytes = [UInt8](repeating: 0, count: nameBytes + 2 * partBytes)

        init?() {
            guard RAND_bytes(&bytes, Int32(bytes.count)) == 1 else { return nil }
        }
    }

    private struct State {
        var current: Key?
        var previous: Key?
        var rotationIsDue: Int
    }

    private let interval: Int
    private let state: Mutex<State>

    /// Keys that change every `interval` seconds.
    init(interval: Int) {
        self.interval = interval
        state = Mutex(State(current: Key(), rotationIsDue: Self.seconds + interval))
    }

    private static var seconds: Int {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return time.tv_sec
    }

    /// Changes the keys now, as happens by itself in time.
    func rotate() { state.withLock { Self.rotate(&$0, due: Self.seconds + interval) } }

    private static func rotate(_ state: inout State, due: Int) {
        state.previous = state.current
        state.current = Key()
        state.rotationIsDue = due
    }

    private func rotateIfDue(_ state: inout State) {
        let now = Self.seconds
        guard now >= state.rotationIsDue else { return }
        // After a long rest both keys are too old.
        if now >= state.rotationIsDue + interval { state.current = nil }
        Self.rotate(&state, due: now + interval)
    }

    /// Prepares the encryption of a ticket: fills in its key's name and `iv`.
    func seal(
        _ name: UnsafeMutablePointer<UInt8>, _ iv: UnsafeMutablePointer<UInt8>,
        _ cipher: OpaquePointer, _ mac: OpaquePointer
    ) -> Verdict {
        state.withLock { state in
            rotateIfDue(&state)
            guard var key = state.current, RAND_bytes(iv, EVP_MAX_IV_LENGTH) == 1 else {
                return .failure
            }
            for (index, byte) in key.bytes.prefix(Key.nameBytes).enumerated() {
                name[index] = byte
            }
            return Self.apply(&key, iv, cipher, mac, encrypting: true) ? .valid : .failure
        }
    }

    /// Prepares the decryption of a ticket by its key's name.
    func open(
        _ name: UnsafeMutablePointer<UInt8>, _ iv: UnsafeMutablePointer<UInt8>,
        _ cipher: OpaquePointer, _ mac: OpaquePointer
    ) -> Verdict {
        state.withLock { state in
            rotateIfDue(&state)
            let isCurrent = state.current.map { Self.matches($0, name) } ?? false
            guard var key = isCurrent ? state.current : state.previous,
                Self.matches(key, name)
            else { return .unknown }
            guard Self.apply(&key, iv, cipher, mac, encrypting: false) else { return .failure }
            return isCurrent ? .valid : .renew
        }
    }

    private static func matches(_ key: Key, _ name: UnsafeMutablePointer<UInt8>) -> Bool {
        memcmp(key.bytes, name, Key.nameBytes) == 0
    }

    private static func apply(
        _ key: inout Key, _ iv: UnsafeMutablePointer<UInt8>, _ cipher: OpaquePointer,
        _ mac: OpaquePointer, encrypting: Bool
    ) -> Bool {
        key.bytes.withUnsafeMutableBufferPointer { bytes in
            guard let base = bytes.baseAddress else { return false }
            let encryption = base + Key.nameBytes
            let result =
                encrypting
                ? EVP_EncryptInit_ex(cipher, EVP_aes_256_cbc(), nil, encryption, iv)
                : EVP_DecryptInit_ex(cipher, EVP_aes_256_cbc(), nil, encryption, iv)
            return result == 1
                && copenssl_set_ticket_mac(mac, encryption + Key.partBytes, Key.partBytes) == 1
        }
    }
}
