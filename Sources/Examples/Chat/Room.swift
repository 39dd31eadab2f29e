import Bytes
import Reactor

/// The one room of the chat: who is in it, and how they are told.
final class Room {
    private var members: [ObjectIdentifier: Member] = [:]

    /// How many have said who they are.
    var count: Int { members.count }

    func join(_ member: Member, on loop: isolated EventLoop) {
        tell("* \(member.name) is here\n", except: member, on: loop)
        member.hear(SharedBytes("* \(members.count) others are here\n"), on: loop)
        members[ObjectIdentifier(member)] = member
    }

    func leave(_ member: Member, on loop: isolated EventLoop) {
        guard members.removeValue(forKey: ObjectIdentifier(member)) != nil else { return }
        tell("* \(member.name) has left\n", except: member, on: loop)
    }

    /// Rendered once; every channel queues the same bytes.
    func tell(_ text: String, except speaker: Member, on loop: isolated EventLoop) {
        let shared = SharedBytes(text)
        for member in members.values where member !== speaker {
            member.hear(shared, on: loop)
        }
    }
}

/// One connection. Its first line is the speaker's name, every further one is said to the others.
final class Member: ChannelHandler {
    private let room: Room
    private let channel: Channel
    private var reader = LineReader()
    private(set) var name = ""

    init(_ channel: Channel, in room: Room) {
        self.channel = channel
        self.room = room
    }

    func received(_ bytes: RawSpan, from channel: Channel, on loop: isolated EventLoop) {
        let isFine = reader.read(bytes) { line in
            guard !channel.isClosing else { return }
            heard(line.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }, on: loop)
        }
        if !isFine, !channel.isClosing { refuse("a line is too long", on: loop) }
    }

    private func heard(_ line: String, on loop: isolated EventLoop) {
        if name.isEmpty {
            guard !line.isEmpty, line.utf8.count <= 32 else {
                return refuse("a name has 1 to 32 bytes", on: loop)
            }
            name = line
            room.join(self, on: loop)
        } else if line == "/quit" {
            channel.close(on: loop)
        } else {
            room.tell("<\(name)> \(line)\n", except: self, on: loop)
        }
    }

    /// Queues what somebody said. Who does not read is let go before his queue grows.
    func hear(_ words: SharedBytes, on loop: isolated EventLoop) {
        guard channel.isWritable else { return channel.abort(on: loop) }
        channel.write(words, on: loop)
    }

    private func refuse(_ reason: String, on loop: isolated EventLoop) {
        channel.write(Array("! \(reason)\n".utf8), on: loop)
        channel.close(on: loop)
    }

    func closed(_ channel: Channel, reason: CloseReason, on loop: isolated EventLoop) {
        room.leave(self, on: loop)
    }
}
