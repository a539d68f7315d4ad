export default function Topology() {
  return <h1>Topology</h1>;
}
