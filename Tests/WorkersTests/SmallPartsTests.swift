import Configuration
import Glibc
import Reactor
import Testing

@testable import Workers

@Suite("Small parts of a process")
struct SmallPartsTests {
    @Test(
        "the access log keeps tokens secret",
        arguments: [
            ("/sync?access_token=syt_secret&since=s1", "/sync?access_token=<redacted>&since=s1"),
            ("/sync?since=s1&access_token=syt_secret", "/sync?since=s1&access_token=<redacted>"),
            ("/sync?since=s1", "/sync?since=s1"),
            (
                "/a?access_token=x&b=1&access_token=y",
                "/a?access_token=<redacted>&b=1&access_token=<redacted>"
            ),
        ])
    func redaction(target: String, logged: String) {
        #expect(AccessLog.redacted(target) == logged)
    }

    @Test("every role says what it follows, and what it lacks")
    func roles() {
        for role in WorkerRole.workers {
            let description = Roles.description(of: role)
            #expect(!description.streams.isEmpty, "\(role)")
            #expect((description.missing == nil) == (role == .synchrotron), "\(role)")
        }
    }

    @Test("free ports differ and can be bound")
    func ports() throws {
        let ports = try FreePorts.find(20)
        #expect(Set(ports).count == 20)
        let loop = try EventLoop()
        loop.submit { loop in
            for port in ports.prefix(3) {
                do {
                    try loop.listen(on: .loopback(port: port)) { _ in Nobody() }.close(on: loop)
                } catch { Issue.record("port \(port): \(error)") }
            }
            loop.stop()
        }
        loop.run()
    }

    @Test("a process's usage is read from the system")
    func sample() throws {
        let sample = try #require(ProcessSample(pid: getpid()))
        #expect(sample.residentBytes > 1_000_000)
        #expect(sample.cpuSeconds >= 0)
        #expect(ProcessSample(pid: 0) == nil)
    }

    @Test("the demo's percentiles are those of its deliveries")
    func percentiles() {
        let statistics = DemoStatistics()
        for time in 1...100 { statistics.delivered(after: Int64(time) * 1000) }
        let window = statistics.takeWindow()
        #expect(window.count == 100)
        #expect(window.p50 == 51)
        #expect(window.p99 == 100)
        #expect(statistics.takeWindow().count == 0)
        #expect(statistics.total().p95 == 96)
        #expect(statistics.deliveries == 100)
    }

    @Test(
        "numbers are shown with one digit",
        arguments: [(0.0, "0.0"), (12.34, "12.3"), (-0.55, "0.6")])
    func digits(value: Double, shown: String) { #expect(abs(value).short == shown) }
}

final class Nobody: ChannelHandler {
    func received(_ bytes: RawSpan, from channel: Channel, on loop: isolated EventLoop) {}
}
