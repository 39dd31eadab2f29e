import FuzzHTTP
import Matrix

func checkIdentifier(_ input: [UInt8]) throws(Violation) {
    try checkBase64(input)
    guard let text = String(validating: input, as: UTF8.self) else { return }
    if let user = UserID(text) {
        try checkSame(user, UserID(localpart: user.localpart, server: user.server))
        try checkSame(user.server, ServerName(user.server.text))
        if UserID.isRegistrable(localpart: user.localpart) {
            try require(user.localpart.utf8.allSatisfy { $0 < 0x80 }, "registrable: \(user)")
        }
    }
    if let alias = RoomAlias(text) {
        try checkSame(alias, RoomAlias(localpart: alias.localpart, server: alias.server))
        try checkSame(alias.server, ServerName(alias.server.text))
    }
    if let room = RoomID(text) {
        try checkSame(room, RoomID(room.text))
        if let server = room.server { try checkSame(server, ServerName(server.text)) }
    }
    if let event = EventID(text) { try checkSame(event, EventID(event.text)) }
    if let server = ServerName(text) {
        let port = server.text.utf8.dropFirst(server.host.utf8.count).dropFirst()
        let isNumber = server.port.map { UInt16(Substring(port)) == $0 } ?? true
        try require(isNumber, "\(server) has the port \(String(describing: server.port))")
        try require(!server.host.isEmpty, "\(server) has no host")
    }
    try checkGlob(text)
}

private func checkSame<Name: Identifier>(_ name: Name, _ again: Name?) throws(Violation) {
    try require(again == name, "\(name) becomes \(again.map(\.text) ?? "nothing")")
    try require((1...255).contains(name.text.utf8.count), "\(name) is too long")
    try require(!name.text.utf8.contains(0), "\(name) holds a NUL")
    try require(again?.hashValue == name.hashValue, "hashes of \(name) differ")
}

private func checkBase64(_ input: [UInt8]) throws(Violation) {
    for alphabet in [Base64.Alphabet.standard, .urlSafe] {
        let text = Base64.encode(input, alphabet: alphabet)
        try require(Base64.decode(text) == input, "\(text) does not decode")
    }
    let text = String(decoding: input, as: UTF8.self)
    guard let bytes = Base64.decode(text) else { return }
    try require(Base64.decode(Base64.encode(bytes)) == bytes, "\(text) is no Base64")
}

/// The pattern before the first line feed against the text behind it.
private func checkGlob(_ text: String) throws(Violation) {
    let parts = text.split(separator: "\n", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2, parts.allSatisfy({ $0.utf8.count <= 200 }) else { return }
    for hasQuestionMarks in [false, true] {
        let matches = Glob.matches(
            String(parts[1]), pattern: String(parts[0]), questionMarkMatches: hasQuestionMarks)
        let expected = expectedMatch(
            Array(parts[1].unicodeScalars), Array(parts[0].unicodeScalars), hasQuestionMarks)
        try require(matches == expected, "\(parts[0]) matches \(parts[1]): \(matches)")
    }
}

/// The definition, character of the pattern by character: which prefixes of the text match so far.
private func expectedMatch(
    _ text: [Unicode.Scalar], _ pattern: [Unicode.Scalar], _ hasQuestionMarks: Bool
) -> Bool {
    var reached = [true] + text.map { _ in false }
    for character in pattern {
        var next = reached.map { _ in false }
        for index in reached.indices {
            if character == "*" {
                next[index] = reached[index] || (index > 0 && next[index - 1])
            } else if index > 0, reached[index - 1] {
                next[index] = text[index - 1] == character || (hasQuestionMarks && character == "?")
            }
        }
        reached = next
    }
    return reached[text.count]
}
