// What was unusual of this backend in the chosen time.
import { AnomalyTable } from "../../components/AnomalyTable";
import { Panel } from "../../components/Panel";
import { Answered } from "../../components/Told";
import { range } from "../../router";
import type { Names } from "../Backend";
import { useBackendAnomalies } from "./charts";

export function BackendAnomalies({ names }: { names: Names }) {
  const answer = useBackendAnomalies(names);
  return (
    <Panel
      title="Anomalies"
      note={range.value.words}
      flush
      help="Values outside of what this backend (or its siblings) showed before. The charts above are shaded at these times."
    >
      <Answered answer={answer} height={120}>
        {(data) => (
          <AnomalyTable
            anomalies={data.anomalies.filter((one) => one.pool === "" || one.pool === names.pool)}
            subject={false}
            caption={`Anomalies of ${names.backend}`}
            empty={<>Nothing unusual in {range.value.words}.</>}
          />
        )}
      </Answered>
    </Panel>
  );
}
