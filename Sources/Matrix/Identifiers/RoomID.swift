/// A room: `!localpart:server`, or `!hash` from room version 12 on.
///
/// Specification: appendices, "Room IDs".
public struct RoomID: Identifier {
    /// The whole identifier.
    public let text: String

    /// Checks the grammar.
    public init?(_ text: String) {
        let sigil = UInt8(ascii: "!")
        guard
            Grammar.isQualified(text, sigil: sigil) || EventID.isHash(text, sigil: sigil)
        else { return nil }
        self.text = text
    }

    /// Takes an identifier that is known to be right.
    public init(trusted text: String) {
        self.text = text
    }

    /// The room that an event creates, from room version 12 on: the event's identifier with
    /// another sigil.
    public init(createdBy event: EventID) {
        text = "!" + event.text.dropFirst()
    }

    /// The event that creates the room, if the identifier says so.
    public var createEventID: EventID? {
        guard EventID.isHash(text, sigil: UInt8(ascii: "!")) else { return nil }
        return EventID(trusted: "$" + text.dropFirst())
    }

    /// The server that allocated the identifier, if it names one.
    public var server: ServerName? {
        Grammar.split(text).map { ServerName(trusted: String($0.server)) }
    }

    /// Makes the identifier of a new room: 18 letters from the caller's generator.
    public static func random(
        on server: ServerName, using generator: inout some RandomNumberGenerator
    ) -> RoomID {
        let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8)
        let opaque = (0..<18).map { _ in
            letters[Int.random(in: letters.indices, using: &generator)]
        }
        return RoomID(trusted: "!\(String(decoding: opaque, as: UTF8.self)):\(server.text)")
    }
}

/// A name for a room: `#localpart:server`.
///
/// Specification: appendices, "Room Aliases".
public struct RoomAlias: Identifier {
    /// The whole alias.
    public let text: String

    /// Checks the grammar.
    public init?(_ text: String) {
        guard Grammar.isQualified(text, sigil: UInt8(ascii: "#")) else { return nil }
        self.text = text
    }

    /// Takes an alias that is known to be right.
    public init(trusted text: String) {
        self.text = text
    }

    /// Puts an alias together; nil if a part is wrong or the whole too long.
    public init?(localpart: some StringProtocol, server: ServerName) {
        self.init("#\(localpart):\(server.text)")
    }

    /// What stands between the sigil and the first colon.
    public var localpart: String {
        Grammar.split(text).map { String($0.localpart) } ?? ""
    }

    /// The server that knows the alias.
    public var server: ServerName {
        ServerName(trusted: Grammar.split(text).map { String($0.server) } ?? "")
    }
}
