import Reactor
import Testing

@Suite("Socket addresses")
struct SocketAddressTests {
    @Test(
        "numeric text and back",
        arguments: [
            ("127.0.0.1", "127.0.0.1:80"), ("", "0.0.0.0:80"), ("::1", "[::1]:80"),
            ("::", "[::]:80"),
            ("2001:db8::a", "[2001:db8::a]:80"),
        ])
    func numeric(host: String, description: String) throws {
        #expect(try #require(SocketAddress(host: host, port: 80)).description == description)
    }

    @Test(
        "names are not numbers",
        arguments: ["localhost", "1.2.3", "1.2.3.4.5", "[::1]", " 127.0.0.1"])
    func notNumeric(host: String) { #expect(SocketAddress(host: host, port: 80) == nil) }

    @Test("loopback is known as such")
    func loopback() {
        #expect(SocketAddress.loopback().isLoopback)
        #expect(SocketAddress(host: "::1", port: 1)?.isLoopback == true)
        #expect(SocketAddress(host: "0.0.0.0", port: 1)?.isLoopback == false)
    }

    @Test("a name resolves, a nonsense one says so")
    func resolve() throws {
        #expect(try SocketAddress.resolve(host: "localhost", port: 5).contains { $0.isLoopback })
        #expect(throws: ResolutionError.self) {
            try SocketAddress.resolve(host: "no such host", port: 5)
        }
    }
}
