import Glibc
import Reactor
import Testing

@Suite("Example: a host with a loop of its own")
struct HostTests {
    @Test("turns that do not sleep, between waits of the host, do all there is to do")
    func host() throws {
        let loop = try EventLoop()
        loop.submit { loop in
            for _ in 0..<10 { await loop.sleep(for: .milliseconds(2)) }
            await loop.offload {}
            loop.stop()
        }
        let start = Instant.now
        while loop.turn(waiting: .zero) {
            var descriptor = pollfd(fd: loop.pollDescriptor, events: Int16(POLLIN), revents: 0)
            let rest = (loop.timeUntilNextTimer() ?? .seconds(60)).components
            let milliseconds = rest.seconds * 1000 + rest.attoseconds / 1_000_000_000_000_000
            poll(&descriptor, 1, Int32(clamping: milliseconds))
        }
        // A wake-up that was lost would have cost the whole minute.
        #expect(Instant.now - start < .seconds(50))
    }
}
