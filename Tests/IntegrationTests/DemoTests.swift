import Testing

@Suite("The demo")
struct DemoTests {
    @Test("a fleet of its own comes up, users talk through it, and everything goes again")
    func short() throws {
        let run = try Program.run(
            Program.built("beamline"), ["demo", "--seconds", "3", "--users", "6"])
        #expect(run.code == 0, "\(run.output)")
        #expect(run.output.contains("delivered through"), "\(run.output)")
    }
}
