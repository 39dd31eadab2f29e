import Foundation

/// Bars of each scenario's first column, which mostly is CPU time per operation, with the span from minimum to
/// maximum.
struct Plot {
    private static let width = 420.0
    private static let bar = 18.0
    private static let label = 110.0
    private static let columns = 3

    private struct Panel {
        let title: String
        let unit: String
        let bars: [(subject: String, figure: Figure)]

        var height: Double { Double(bars.count) * bar + 48 }
    }

    private let panels: [Panel]
    private let machine: String

    init(_ report: Report) {
        machine = report.machine.split(separator: "\n").prefix(2).joined(separator: "; ")
        panels = report.sections.compactMap { section in
            let metric = section.scenario.columns.first ?? "cpu"
            let bars = section.samples.subjects.compactMap { subject in
                section.samples.figure(metric, of: subject).map { (subject, $0) }
            }
            let unit = section.samples.metrics.first { $0.name == metric }?.unit ?? ""
            return bars.isEmpty
                ? nil
                : Panel(
                    title: section.scenario.title,
                    unit: "\(metric), \(unit)" + (unit.hasSuffix("/s") ? " (more is better)" : ""),
                    bars: bars)
        }
    }

    var svg: String {
        var body = ""
        var top = 40.0
        for start in stride(from: 0, to: panels.count, by: Plot.columns) {
            let row = panels[start..<min(start + Plot.columns, panels.count)]
            for (column, panel) in row.enumerated() {
                body += draw(panel, x: Double(column) * Plot.width + 10, y: top)
            }
            top += (row.map(\.height).max() ?? 0) + 16
        }
        let width = Double(Plot.columns) * Plot.width + 10
        return """
            <svg xmlns="http://www.w3.org/2000/svg" width="\(width)" height="\(top)" \
            font-family="sans-serif" font-size="11">
            <rect width="100%" height="100%" fill="white"/>
            \(text(machine, x: 10, y: 20, "start", "#555"))\(body)</svg>

            """
    }

    private func draw(_ panel: Panel, x: Double, y: Double) -> String {
        let span = Plot.width - Plot.label - 90
        let longest = panel.bars.map(\.figure.max).max() ?? 0
        // Nobody allocates: bars of no length.
        let scale = longest > 0 ? span / longest : 0
        var drawn = text(panel.title, x: x, y: y + 14, "start", "black", bold: true)
        drawn += text(panel.unit, x: x + Plot.label, y: y + 28, "start", "#555")
        for (index, bar) in panel.bars.enumerated() {
            let top = y + 34 + Double(index) * Plot.bar
            let middle = top + Plot.bar / 2
            let colour = bar.subject.hasPrefix("ours") ? "#d9480f" : "#748ffc"
            let figure = bar.figure
            drawn += text(bar.subject, x: x + Plot.label - 6, y: middle + 4, "end", "black")
            drawn += """
                <rect x="\(round(x + Plot.label))" y="\(top + 3)" \
                width="\(figure.median * scale)" height="\(Plot.bar - 6)" fill="\(colour)"/>
                <line x1="\(x + Plot.label + figure.min * scale)" y1="\(middle)" \
                x2="\(x + Plot.label + figure.max * scale)" y2="\(middle)" stroke="black"/>

                """
            drawn += text(
                figure.median.brief, x: x + Plot.label + figure.max * scale + 6, y: middle + 4,
                "start", "black")
        }
        return drawn
    }

    private func text(
        _ text: String, x: Double, y: Double, _ anchor: String, _ colour: String, bold: Bool = false
    ) -> String {
        let escaped = text.replacingOccurrences(of: "&", with: "&amp;")
            .replacingOccurrences(of: "<", with: "&lt;")
        let weight = bold ? " font-weight=\"bold\"" : ""
        return """
            <text x="\(x)" y="\(y)" text-anchor="\(anchor)" fill="\(colour)"\(weight)>\(escaped)</text>

            """
    }
}
