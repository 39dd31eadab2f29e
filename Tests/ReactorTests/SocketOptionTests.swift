import Glibc
import TestSupport
import Testing

@testable import Reactor

@Suite("Socket options", .serialized)
struct SocketOptionTests {
    @Test("both ends of a TCP connection have the options they were given", arguments: kernels)
    func tcp(ground: Ground) throws {
        try onLoop(ground) { loop in
            let options = ChannelOptions(
                noDelay: true,
                keepAlive: TCPKeepAlive(idle: .seconds(61), interval: .seconds(7), count: 4),
                unacknowledgedTimeout: .milliseconds(12_345), receiveBuffer: 20_000,
                sendBuffer: 30_000)
            let accepted = Holder()
            let listener = try loop.listen(
                on: .loopback(), options: ListenerOptions(channel: options)
            ) { channel in
                accepted.channel = channel
                return Echo()
            }
            let client = try await loop.connect(
                to: listener.localAddress, timeout: .seconds(10), options: options
            ) { _ in Recorder() }
            while accepted.channel == nil { await loop.sleep(for: .milliseconds(1)) }
            for channel in [client, try #require(accepted.channel)] {
                let tcp = Int32(IPPROTO_TCP)
                #expect(option(channel, tcp, TCP_NODELAY) == 1)
                #expect(option(channel, SOL_SOCKET, SO_KEEPALIVE) == 1)
                #expect(option(channel, tcp, TCP_KEEPIDLE) == 61)
                #expect(option(channel, tcp, TCP_KEEPINTVL) == 7)
                #expect(option(channel, tcp, TCP_KEEPCNT) == 4)
                #expect(option(channel, tcp, TCP_USER_TIMEOUT) == 12_345)
                // The kernel doubles them for its own use.
                #expect(option(channel, SOL_SOCKET, SO_RCVBUF) == 40_000)
                #expect(option(channel, SOL_SOCKET, SO_SNDBUF) == 60_000)
            }
        }
    }

    @Test("without a word, Nagle is off and nothing else is touched", arguments: kernels)
    func defaults(ground: Ground) throws {
        try onLoop(ground) { loop in
            let listener = try loop.listen(on: .loopback()) { _ in Echo() }
            let client = try await loop.connect(
                to: listener.localAddress, timeout: .seconds(10)
            ) { _ in Recorder() }
            let plain = streamSocket(AF_INET)
            defer { close(plain) }
            let tcp = Int32(IPPROTO_TCP)
            #expect(option(client, tcp, TCP_NODELAY) == 1)
            for (level, name) in [(SOL_SOCKET, SO_KEEPALIVE), (tcp, TCP_USER_TIMEOUT)] {
                #expect(option(client, level, name) == option(plain, level, name))
            }
        }
    }

    @Test("an option that the kernel refuses is an error", arguments: kernels)
    func refused(ground: Ground) throws {
        try onLoop(ground) { loop in
            let options = ChannelOptions(keepAlive: TCPKeepAlive(count: 1000))
            #expect(throws: SystemError("setsockopt", code: EINVAL)) {
                try loop.listen(on: .loopback(), options: ListenerOptions(channel: options)) { _ in
                    Echo()
                }
            }
            #expect(loop.resourceCount == 0)
        }
    }

    @Test("buffers of a Unix socket's channels", arguments: kernels)
    func unixBuffers(ground: Ground) throws {
        let path = temporaryPath("buffers")
        try onLoop(ground) { loop in
            let accepted = Holder()
            let options = ListenerOptions(channel: ChannelOptions(sendBuffer: 30_000))
            let listener = try loop.listen(on: .unix(path: path), options: options) { channel in
                accepted.channel = channel
                return Echo()
            }
            _ = try await loop.connect(to: listener.localAddress, timeout: .seconds(10)) { _ in
                Recorder()
            }
            while accepted.channel == nil { await loop.sleep(for: .milliseconds(1)) }
            #expect(option(try #require(accepted.channel), SOL_SOCKET, SO_SNDBUF) == 60_000)
        }
    }

    @Test("an IPv6 socket serves IPv4 as well if it is told to", arguments: kernels)
    func dualStack(ground: Ground) throws {
        try onLoop(ground) { loop in
            let options = ListenerOptions(ipv6Only: false)
            let listener = try loop.listen(on: .ipv6(0, port: 0, scope: 0), options: options) { _ in
                Echo()
            }
            let port = try #require(listener.localAddress.port)
            let channel = try await loop.connect(
                to: .loopback(port: port), timeout: .seconds(10)
            ) { _ in Recorder() }
            #expect(!channel.isClosed)
            // While an IPv6-only one leaves the port to IPv4.
            let narrow = try loop.listen(on: .ipv6(0, port: 0, scope: 0)) { _ in Echo() }
            let other = try #require(narrow.localAddress.port)
            _ = try loop.listen(on: .ipv4(0, port: other)) { _ in Echo() }
        }
    }

    @Test("several sockets listen on one port", arguments: kernels)
    func reusePort(ground: Ground) throws {
        try onLoop(ground) { loop in
            let options = ListenerOptions(reusePort: true)
            let first = try loop.listen(on: .loopback(), options: options) { _ in Echo() }
            let second = try loop.listen(on: first.localAddress, options: options) { _ in Echo() }
            for _ in 0..<40 {
                let channel = try await loop.connect(
                    to: first.localAddress, timeout: .seconds(10)
                ) { _ in Recorder() }
                channel.abort(on: loop)
            }
            while first.statistics.accepted + second.statistics.accepted < 40 {
                await loop.sleep(for: .milliseconds(1))
            }
            #expect(first.statistics.accepted > 0)
            #expect(second.statistics.accepted > 0)
        }
    }

    private func option(_ channel: Channel, _ level: Int32, _ name: Int32) -> Int32 {
        option(channel.descriptor, level, name)
    }

    private func option(_ descriptor: Int32, _ level: Int32, _ name: Int32) -> Int32 {
        var value: Int32 = -1
        var size = socklen_t(MemoryLayout<Int32>.size)
        getsockopt(descriptor, level, name, &value, &size)
        return value
    }
}

@Suite("Unix sockets", .serialized)
struct UnixSocketTests {
    @Test("a file of another kind is not replaced", arguments: kernels)
    func regularFile(ground: Ground) throws {
        let path = temporaryPath("regular")
        close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0o600))
        defer { unlink(path) }
        try onLoop(ground) { loop in
            #expect(throws: SystemError("bind", code: EADDRINUSE)) {
                try loop.listen(on: .unix(path: path)) { _ in Echo() }
            }
            #expect(access(path, F_OK) == 0)
        }
    }

    @Test("the file has the mode it was given, and goes with the listener", arguments: kernels)
    func mode(ground: Ground) throws {
        let path = temporaryPath("mode")
        try onLoop(ground) { loop in
            let options = ListenerOptions(unixMode: 0o612)
            let listener = try loop.listen(on: .unix(path: path), options: options) { _ in Echo() }
            var status = stat()
            #expect(stat(path, &status) == 0)
            #expect(status.st_mode & 0o777 == 0o612)
            listener.close(on: loop)
            #expect(access(path, F_OK) != 0)
        }
    }

    @Test("closing leaves the file of a successor alone", arguments: kernels)
    func successor(ground: Ground) throws {
        let path = temporaryPath("successor")
        try onLoop(ground) { loop in
            let old = try loop.listen(on: .unix(path: path)) { _ in Echo() }
            unlink(path)
            let new = try loop.listen(on: .unix(path: path)) { _ in Echo() }
            old.close(on: loop)
            #expect(access(path, F_OK) == 0)
            new.close(on: loop)
            #expect(access(path, F_OK) != 0)
        }
    }

    @Test("an abstract name needs no file", arguments: kernels)
    func abstract(ground: Ground) throws {
        let address = SocketAddress.unix(path: "\0" + temporaryPath("abstract"))
        #expect(address.description.hasPrefix("unix:@/tmp/"))
        try onLoop(ground) { loop in
            let listener = try loop.listen(on: address, options: ListenerOptions(unixMode: 0o600)) {
                _ in Echo()
            }
            #expect(listener.localAddress == address)
            #expect(throws: SystemError("bind", code: EADDRINUSE)) {
                try loop.listen(on: address) { _ in Echo() }
            }
            let recorder = Recorder()
            let channel = try await loop.connect(to: address, timeout: .seconds(10)) { _ in recorder
            }
            #expect(channel.remoteAddress == address)
            channel.write([1, 2, 3], on: loop)
            await recorder.wait(on: loop) { $0.bytes.count == 3 }
            listener.close(on: loop)
        }
    }
}
