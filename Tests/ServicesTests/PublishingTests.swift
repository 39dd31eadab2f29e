import JSON
import ReplicationWire
import Storage
import Testing

@testable import Services

@Suite struct PublishingTests {
    @Test func whatIsPublishedOrWithdrawnIsAnnouncedOnce() throws {
        try withServices { services, loop in
            let listener = Listener()
            services.streams.subscribe(listener, on: loop)
            let alice = try await services.register("alice", on: loop)
            let room = try await services.rooms.create(
                ["visibility": "public"], creator: alice.sender(), on: loop
            ).roomID
            _ = try await services.rooms.create([:], creator: alice.sender(), on: loop)
            for isPublic in [true, false, false, true] {
                try await services.rooms.publish(
                    isPublic, roomID: room, by: alice.userID, isAdministrator: false, on: loop)
            }
            let announced = listener.rows.filter { $0.stream == .publicRooms }
            let expected = [true, false, true].map {
                ReplicationRow.publicRoom(PublicRoomsStreamRow(roomID: room, isVisible: $0))
            }
            #expect(announced.map(\.row) == expected)
            #expect(announced.map(\.token) == announced.map(\.token).sorted())
            // A worker that was away reads the same.
            let stored = try await PublicRooms.updates(
                from: 0, to: services.streams.position(of: .publicRooms), limit: 10,
                in: services.pool, on: loop)
            #expect(stored.map(\.streamID) == announced.map(\.token))
            #expect(stored.map(\.isPublic) == [true, false, true])
            #expect(stored.allSatisfy { $0.roomID == room })
        }
    }
}
