import Matrix
import Testing

@Suite struct Identifiers {
    /// A literal in the place of the argument would call the tests' own initializer.
    private func parsed(_ text: String) -> UserID? { UserID(text) }

    @Test(
        arguments: [
            ("matrix.org", "matrix.org", nil), ("matrix.org:8888", "matrix.org", 8888),
            ("1.2.3.4", "1.2.3.4", nil), ("1.2.3.4:1234", "1.2.3.4", 1234),
            ("[1234:5678::abcd]", "[1234:5678::abcd]", nil),
            ("[1234:5678::abcd]:5678", "[1234:5678::abcd]", 5678), ("localhost", "localhost", nil),
            ("A-b.C:1", "A-b.C", 1),
        ] as [(String, String, UInt16?)])
    func serverNames(text: String, host: String, port: UInt16?) {
        let name = ServerName(text)
        #expect(name?.text == text)
        #expect(name?.host == host[...])
        #expect(name?.port == port)
    }

    @Test(arguments: [
        "", ":1", "a:", "a:123456", "a:x", "a b", "a_b", "ä.org", "[::1", "[]", "[:]", "[xyz]:1",
        "a:1:2", "::1", "[::1]x", "a/b", "a\0", String(repeating: "a", count: 256),
    ])
    func notServerNames(text: String) {
        #expect(ServerName(text) == nil)
    }

    @Test func userParts() {
        let user = parsed("@alice:example.org:8448")
        #expect(user?.localpart == "alice")
        #expect(user?.server.text == "example.org:8448")
        #expect(user?.description == "@alice:example.org:8448")
        #expect(UserID(localpart: "bob", server: "a")?.text == "@bob:a")
        #expect(UserID(localpart: "b:ob", server: "a") == nil)
    }

    @Test(arguments: ["@:a", "@A b\u{1}é:a", "@x:[::1]:1", "@a/b=c+d:a"])
    func historicalUsersAreAccepted(text: String) {
        #expect(UserID(text) != nil)
    }

    @Test(arguments: ["", "@", "@a", "a:b", "!a:b", "@a:", "@a:b c", "@a\0:b", ":"])
    func notUsers(text: String) {
        #expect(UserID(text) == nil)
    }

    @Test func lengthIsBoundedInBytes() {
        let longest = "@" + String(repeating: "é", count: 126) + ":a"
        #expect(longest.utf8.count == 255)
        #expect(UserID(longest) != nil)
        #expect(UserID("@x" + longest.dropFirst()) == nil)
        #expect(EventID("$" + String(repeating: "x", count: 254)) != nil)
        #expect(EventID("$" + String(repeating: "x", count: 255)) == nil)
    }

    @Test(arguments: [
        ("alice", true), ("a.b_c=d-e/f+9", true), ("", false), ("Alice", false), ("a b", false),
        ("a:b", false), ("é", false), ("a@b", false), ("a\0", false),
    ])
    func registrableLocalparts(localpart: String, isRegistrable: Bool) {
        #expect(UserID.isRegistrable(localpart: localpart) == isRegistrable)
    }

    @Test func roomsAndAliases() {
        #expect(RoomID("!x:a")?.server?.text == "a")
        let hash = "!" + String(repeating: "A", count: 43)
        #expect(RoomID(hash) != nil)
        #expect(RoomID(hash)?.server == nil)
        #expect(RoomID("!x") == nil)
        #expect(RoomID("#x:a") == nil)
        #expect(RoomAlias("#x y:a")?.localpart == "x y")
        #expect(RoomAlias("#x:a")?.server.text == "a")
        #expect(RoomAlias(localpart: "x", server: "a")?.text == "#x:a")
        var generator = SystemRandomNumberGenerator()
        let room = RoomID.random(on: "a", using: &generator)
        #expect(RoomID(room.text) == room)
        #expect(room.text.utf8.count == 1 + 18 + 2)
    }

    @Test func identifiersCompareByBytes() {
        let composed = parsed("@\u{e9}:a")
        let decomposed = parsed("@e\u{301}:a")
        #expect(composed != decomposed)
        #expect(Set([composed, decomposed]).count == 2)
        #expect(StateKey("t", "\u{e9}") != StateKey("t", "e\u{301}"))
        #expect(("@a:b" as UserID) < "@b:a")
    }
}
